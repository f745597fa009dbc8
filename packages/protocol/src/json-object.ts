const deepest = 32

/**
 * Reads a JSON object strictly: undefined when the text is not JSON, is not an object, nests deeper than 32, or names
 * a member twice in any of its objects, whatever the spelling of the name (RFC 7515 section 4, standards JW-4).
 * Members named `__proto__` are dropped, so that merging the result somewhere cannot change a prototype.
 */
export function parseJsonObject(text: string): Record<string, unknown> | undefined {
  const written = countWrittenMembers(text)
  if (written === undefined) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isJsonObject(value)) return undefined
  // JSON.parse keeps the last of two equal names, so a duplicate shows as a member that was written but not kept.
  return countKeptMembers(value) === written ? value : undefined
}

/** Whether what JSON was parsed to is an object: no array, and not null. */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Counts the colons outside of strings; undefined when too deep. Exact for every text that JSON.parse accepts. */
function countWrittenMembers(text: string): number | undefined {
  let members = 0
  let depth = 0
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index]
    if (character === '"') index = endOfString(text, index)
    else if (character === ':') members += 1
    else if (character === '}' || character === ']') depth -= 1
    else if (character === '{' || character === '[') depth += 1
    if (depth > deepest) return undefined
  }
  return members
}

/** Where the string that opens at `start` closes; beyond the end of the text when it does not. */
function endOfString(text: string, start: number): number {
  let index = start + 1
  while (index < text.length && text[index] !== '"') index += text[index] === '\\' ? 2 : 1
  return index
}

function countKeptMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  let members = 0
  if (Array.isArray(value)) {
    for (const entry of value) members += countKeptMembers(entry)
    return members
  }
  for (const entry of Object.values(value)) members += 1 + countKeptMembers(entry)
  if (Object.hasOwn(value, '__proto__')) Reflect.deleteProperty(value, '__proto__')
  return members
}
