import { destination, type Logger, pino } from 'pino'

/**
 * Fields that must never reach a log, wherever they stand. Nothing logs them; the list is there for the day when somebody
 * hands a whole object over.
 */
const secretFields = [
  'password',
  'current_password',
  'new_password',
  'client_secret',
  'refresh_token',
  'subject_token',
  'access_token',
  'token',
  'secret',
  'secrets',
  'seed',
  'authorization',
  'cookie',
  'set-cookie',
  'passwordHash',
  'secretHash',
  'sealedPrivateKey',
  'attempt_id',
]

/** Logs as JSON lines on stderr, so that stdout stays the command's own. */
export function createLogger(): Logger {
  const paths = secretFields.flatMap((field) => [`["${field}"]`, `*["${field}"]`, `*.*["${field}"]`])
  return pino(
    { base: { service: 'pawl' }, redact: { paths, censor: '[redacted]' } },
    destination({ fd: 2, sync: true }),
  )
}
