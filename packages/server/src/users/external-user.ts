import { z } from 'zod'
import { isRole } from './role.ts'
import { isUsername } from './username.ts'

/** A user as the application's own table knows him. */
export interface ExternalUser {
  /** Subject of his tokens: 1 to 255 printable ASCII characters without spaces, never given to anyone else. */
  readonly id: string
  readonly username: string
  /** Default: none. */
  readonly roles?: readonly string[]
}

/**
 * The application's own sign-in: is asked instead of our password check.
 *
 * @returns the user, or null or undefined when there is none or the password is wrong
 */
export type Authenticate = (credentials: {
  readonly username: string
  readonly password: string
}) => Promise<ExternalUser | null | undefined>

const externalUser = z.object({
  id: z.string().regex(/^[\x21-\x7e]{1,255}$/, 'must be 1 to 255 printable ASCII characters without spaces'),
  username: z
    .string()
    .refine(isUsername, 'must be 1 to 256 characters without control characters or spaces at its ends'),
  roles: z
    .array(z.string().refine(isRole, 'must be 1 to 128 characters without control characters'))
    .max(100)
    .default([]),
})

/**
 * Checks what the application's hook answered.
 *
 * @throws TypeError naming the field: a wrong answer is a fault of the application, not of the person who signs in
 */
export function readExternalUser(answer: unknown): Required<ExternalUser> | undefined {
  if (answer === null || answer === undefined) return undefined
  const parsed = externalUser.safeParse(answer)
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'the answer'}: ${issue.message}`)
  throw new TypeError(`the authenticate hook gave a user that cannot be used (${faults.join('; ')})`)
}
