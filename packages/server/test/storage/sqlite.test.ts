import { storageContract } from '../../src/storage/contract/storage-contract.ts'
import { sqliteFixture } from './sqlite-fixture.ts'

storageContract('sqlite', sqliteFixture)
