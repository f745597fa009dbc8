import { type DestinationStream, destination, type Logger, pino, stdSerializers } from 'pino'

/**
 * Fields that must never reach a log, wherever they stand. Nothing logs them; the list is there for the day when somebody
 * hands a whole object over.
 */
const secretFields: ReadonlySet<string> = new Set([
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
])

/** A field is looked for in the object that is logged and in the two levels below it. */
const levels = 3

/**
 * The facts of a log line with what is secret blotted out. By hand, for a line is written for each request: pino's own
 * redaction with wildcards takes its paths apart anew each time.
 */
function withoutSecrets<Facts extends object>(facts: Facts, left: number = levels): Facts {
  let cleaned: Facts | undefined
  for (const [name, value] of Object.entries(facts)) {
    const safe: unknown = secretFields.has(name)
      ? '[redacted]'
      : typeof value === 'object' && value !== null && left > 1
        ? withoutSecrets(value, left - 1)
        : value
    if (safe === value) continue
    cleaned ??= copyOf(facts)
    Reflect.set(cleaned, name, safe)
  }
  return cleaned ?? facts
}

function copyOf<Facts extends object>(facts: Facts): Facts {
  return Object.assign(Array.isArray(facts) ? [] : Object.create(Object.getPrototypeOf(facts)), facts)
}

/** Logs as JSON lines on stderr, so that stdout stays the command's own. */
export function createLogger(lines: DestinationStream = destination({ fd: 2, sync: true })): Logger {
  return pino(
    {
      base: { service: 'pawl' },
      formatters: { log: (facts) => withoutSecrets(facts) },
      serializers: { err: (error: Error) => withoutSecrets(stdSerializers.err(error)) },
    },
    lines,
  )
}
