export type { PostgresStorageOptions } from './options.ts'
export { postgresStorage } from './postgres-storage.ts'
