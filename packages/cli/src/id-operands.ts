/** Ids of sessions and of signing keys, in base64url, that begin with a hyphen, as one in 64 does. */
const hyphenatedId = /^-(?:[\w-]{21}|[\w-]{42})$/

const option = /^--[a-z]+(?:-[a-z]+)*$/

/** The one option that is followed by no value and goes with commands that take ids. */
const withoutValue = '--json'

/**
 * Puts ids that look like options behind `--`, where they are taken for what they are: whoever has to kill a key must not
 * be told that its id is an unknown option.
 *
 * @param words the command line without the program's name; one that has a `--` already is left alone
 */
export function separateIds(words: readonly string[]): readonly string[] {
  if (words.includes('--')) return words
  const isId = (word: string, index: number): boolean => {
    const before = words[index - 1] ?? ''
    return hyphenatedId.test(word) && !option.test(word) && (!option.test(before) || before === withoutValue)
  }
  const ids = words.filter(isId)
  return ids.length === 0 ? words : [...words.filter((word, index) => !isId(word, index)), '--', ...ids]
}
