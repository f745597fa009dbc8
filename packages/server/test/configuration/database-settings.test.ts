import { describe, expect, test, vi } from 'vitest'
import { ConfigurationError } from '../../src/configuration/configuration-error.ts'
import { readDatabaseAddress } from '../../src/configuration/database-address.ts'
import { readConfiguration } from '../../src/configuration/read-environment.ts'
import { resolveSettings } from '../../src/configuration/resolve-settings.ts'
import type { PawlConfiguration } from '../../src/configuration/settings.ts'
import { memoryStorage } from '../../src/engines.ts'
import { createPawl } from '../../src/server.ts'

const secretUrl = 'postgres://pawl:s3cret-word@db.example:5433/pawl?sslmode=verify-full'
const postgres = (): ReturnType<typeof memoryStorage> => memoryStorage()

function problemsOf(configuration: PawlConfiguration): unknown {
  const outcome = resolveSettings(configuration)
  return outcome.ok ? [] : outcome.problems
}

describe('the address of a database', () => {
  test.each([
    ['postgres://db.example/pawl', 'db.example/pawl', false],
    ['postgresql://pawl@db.example:5433/pawl', 'db.example:5433/pawl', false],
    [secretUrl, 'db.example:5433/pawl', true],
    ['postgres://db.example/pawl?user=pawl&password=word', 'db.example/pawl', true],
    ['postgres://pawl@/pawl?host=/run/postgresql', '/run/postgresql/pawl', false],
    ['postgres:///pawl', 'localhost/pawl', false],
    ['postgres://pawl@[::1]:5433/pawl', '[::1]:5433/pawl', false],
    ['postgres://pawl:%2F@%2Frun%2Fpostgresql/pawl', '%2Frun%2Fpostgresql/pawl', true],
    ['postgres://pawl@db.example/pawl?application_name=a@b', 'db.example/pawl', false],
  ])('%s is shown without what is secret', (url, label, hasPassword) => {
    expect(readDatabaseAddress(url)).toEqual({ url, label, hasPassword })
  })

  test.each([
    '',
    'pawl',
    'mysql://db.example/pawl',
    'postgres:db',
    'postgres://db.example/a b',
    'postgres://db.example/pawl#x',
    // Passwords as generators print them, with what has a meaning of its own in a URL.
    'postgres://pawl:s3cret/word@db.example/pawl',
    'postgres://pawl:s3cret?word@db.example/pawl',
    'postgres://pawl:12/34@db.example/pawl',
    'postgres://pawl:12?34=5@db.example/pawl',
    'postgres://pawl:s3cret',
    'postgres://pawl:s3cret/word@db.example:5433/pawl?sslmode=verify-full',
    'postgres://pawl:s3cret@/word@db.example/pawl',
    'postgres://pawl@db.example:65536/pawl',
  ])('%j is refused, and the message does not repeat it', (databaseUrl) => {
    const problems = problemsOf({ databaseUrl, postgres })
    expect(problems).toMatchObject([{ setting: 'databaseUrl', reason: 'is no URL of a PostgreSQL database' }])
    if (databaseUrl.length > 4) expect(JSON.stringify(problems)).not.toContain(databaseUrl)
  })
})

describe('the engine for it', () => {
  test('is made once, with both addresses, and the settings show no password', () => {
    const make = vi.fn(postgres)
    const directUrl = 'postgres://pawl:s3cret-word@direct.example/pawl'
    const pawl = createPawl({ databaseUrl: secretUrl, databaseDirectUrl: directUrl, postgres: make })
    expect(make.mock.calls).toEqual([[{ url: secretUrl, directUrl }]])
    expect(pawl.settings.database).toBe('db.example:5433/pawl')
    expect(JSON.stringify(pawl.settings)).not.toContain('s3cret')
  })

  test('without a database none is made', () => {
    const make = vi.fn(postgres)
    expect(createPawl({ postgres: make, storage: memoryStorage() }).settings.database).toBeUndefined()
    expect(make).not.toHaveBeenCalled()
  })

  test('is missing: the start stops instead of keeping the sessions elsewhere', () => {
    expect(() => createPawl({ databaseUrl: secretUrl })).toThrow(ConfigurationError)
    expect(problemsOf({ databaseUrl: secretUrl })).toMatchObject([
      { setting: 'databaseUrl', fix: expect.stringContaining('@pawl/storage-postgres') },
    ])
  })

  test('is given twice: neither is taken', () => {
    const both = { databaseUrl: secretUrl, storage: memoryStorage(), postgres }
    expect(problemsOf(both)).toMatchObject([{ setting: 'databaseUrl', reason: 'is set beside the field storage' }])
  })

  test('a direct address alone is refused', () => {
    expect(problemsOf({ databaseDirectUrl: secretUrl, postgres })).toMatchObject([
      { setting: 'databaseDirectUrl', reason: 'is set, but databaseUrl is not' },
    ])
  })
})

test('a password is taken from the environment and never from the command line', () => {
  const environment = { PAWL_DATABASE_URL: secretUrl }
  expect(problemsOf({ ...readConfiguration({ environment }), postgres })).toEqual([])
  const flags = { databaseUrl: secretUrl, databaseDirectUrl: secretUrl }
  const problems = problemsOf({ ...readConfiguration({ environment: {}, flags }), postgres })
  expect(problems).toMatchObject([
    { setting: '--database-url', fix: 'set PAWL_DATABASE_URL instead, or PGPASSWORD' },
    { setting: '--database-direct-url', fix: 'set PAWL_DATABASE_DIRECT_URL instead, or PGPASSWORD' },
  ])
  expect(JSON.stringify(problems)).not.toContain('s3cret')
})
