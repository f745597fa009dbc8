import { createHash } from 'node:crypto'

/** How many records of a kind there are, and a digest of all of them in their order. */
export interface Tally {
  readonly count: number
  /** SHA-256, base64url. */
  readonly digest: string
}

/** Tells batches of records apart by their content, whatever engine they were read from. */
export interface Tallying {
  readonly add: (records: readonly unknown[]) => void
  readonly total: () => Tally
}

/** Begins with no record. */
export function startTally(): Tallying {
  const hash = createHash('sha256')
  let count = 0
  return {
    add: (records) => {
      for (const record of records) hash.update(`${spelled(record)}\n`)
      count += records.length
    },
    total: () => ({ count, digest: hash.copy().digest('base64url') }),
  }
}

/** One spelling for each value: names of members in order, bytes as what no other value is written as. */
function spelled(value: unknown): string {
  if (value instanceof Uint8Array) return `<${Buffer.from(value).toString('hex')}>`
  if (Array.isArray(value)) return `[${value.map(spelled).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1))
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${spelled(member)}`).join()}}`
}
