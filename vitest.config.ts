import { defineConfig } from 'vitest/config'

const long = '**/*.long.test.ts'
const unit = 'packages/*/test/**/*.test.ts'
const conformance = 'conformance/**/*.test.ts'
const checks = 'checks/**/*.test.ts'

/** Black-box tests that name their engine themselves, or in which nothing depends on it. */
const notForPostgres = [
  'conformance/faults/**',
  'conformance/many-nodes/**',
  'conformance/postgres/**',
  'conformance/abuse.test.ts',
  'conformance/backup.test.ts',
  'conformance/client-in-chromium.test.ts',
  'conformance/examples.test.ts',
  'conformance/generated-requests.long.test.ts',
  'conformance/mounting.test.ts',
  'conformance/moved-installation.test.ts',
  'conformance/playground*.test.ts',
  'conformance/refused-settings.test.ts',
  'conformance/workers.test.ts',
]

/** The black-box tests once more, every server and process on PostgreSQL. */
const onPostgres = { runner: 'conformance/postgres/skipping-runner.ts', env: { PAWL_TEST_ENGINE: 'postgres' } }

const sharedCluster = { globalSetup: 'conformance/postgres/shared-cluster.ts' }

/** The long forms are a run of their own (`npm run test:long`), never part of the everyday one. */
const projects =
  process.env['PAWL_LONG_TESTS'] === '1'
    ? [
        { name: 'long', include: [long], exclude: ['**/node_modules/**'], seconds: 1800, ...sharedCluster },
        {
          name: 'long-postgres',
          include: ['conformance/**/*.long.test.ts'],
          exclude: notForPostgres,
          seconds: 1800,
          ...sharedCluster,
          ...onPostgres,
        },
      ]
    : [
        { name: 'unit', include: [unit], exclude: [long], seconds: 20, ...sharedCluster },
        { name: 'conformance', include: [conformance], exclude: [long], seconds: 60, ...sharedCluster },
        {
          name: 'conformance-postgres',
          include: [conformance],
          exclude: [long, ...notForPostgres],
          seconds: 60,
          ...sharedCluster,
          ...onPostgres,
        },
        { name: 'checks', include: [checks], exclude: [long], seconds: 120 },
      ]

export default defineConfig({
  test: {
    // Two at a time, however many cores there are: the heavy tools of checks/ each fill a core by themselves.
    maxWorkers: 2,
    projects: projects.map(({ seconds, ...project }) => ({
      test: { ...project, testTimeout: seconds * 1000, hookTimeout: seconds * 1000 },
    })),
  },
})
