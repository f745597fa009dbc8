import { storageContract } from '@pawl/server/storage-contract'
import { afterAll, describe } from 'vitest'
import { postgresFixture, testUrl } from './postgres-fixture.ts'
import { recycledSchemas } from './recycled-schema.ts'

describe.skipIf(testUrl === undefined)('on a real server (needs the package postgresql)', () => {
  const schemas = recycledSchemas()
  afterAll(() => schemas.dropAll())

  storageContract('postgres', () => postgresFixture({}, schemas), 20)
})
