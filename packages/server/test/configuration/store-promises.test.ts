import { expect, test } from 'vitest'
import { ConfigurationError } from '../../src/configuration/configuration-error.ts'
import { memoryStorage } from '../../src/engines.ts'
import { createPawl } from '../../src/server.ts'
import type { Storage } from '../../src/storage/store-ports.ts'

/** What JavaScript without types can pass for an engine. */
function engineThatDeclares(compareAndSet: unknown): Storage {
  const storage = memoryStorage()
  Object.defineProperty(storage, 'compareAndSet', { value: compareAndSet })
  return storage
}

test.each([undefined, 'eventual', true])(
  'T34.1 an engine that declares %j instead of linearizable compare-and-set is refused',
  (declared) => {
    const refused = () => createPawl({ storage: engineThatDeclares(declared) })
    expect(refused).toThrow(ConfigurationError)
    expect(refused).toThrow(/storage is the engine "memory", which does not declare linearizable compare-and-set/)
  },
)

test('T34.1 so is one that is made for a database', () => {
  const postgres = () => engineThatDeclares('eventual')
  expect(() => createPawl({ databaseUrl: 'postgres://localhost/pawl', postgres })).toThrow(ConfigurationError)
})

test('T34.1 the engines declare it', () => {
  expect(createPawl({ storage: engineThatDeclares('linearizable') }).settings.mode).toBe('development')
  expect(memoryStorage().compareAndSet).toBe('linearizable')
})
