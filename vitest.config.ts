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
  'conformance/client-soak/**',
  'conformance/client-processes.test.ts',
  'conformance/example-*.test.ts',
  'conformance/examples.test.ts',
  'conformance/generated-requests.long.test.ts',
  'conformance/mounting.test.ts',
  'conformance/moved-installation.test.ts',
  'conformance/oauth-client.test.ts',
  'conformance/playground*.test.ts',
  'conformance/react-in-chromium.test.ts',
  'conformance/refused-settings.test.ts',
  'conformance/strange*.test.ts',
  'conformance/revocation-verifiers.long.test.ts',
  'conformance/verifier-keys.test.ts',
  'conformance/workers.test.ts',
]

/**
 * Of the others, those that take long and whose engine is what matters least: the long run has them on PostgreSQL, so that
 * the everyday one stays below eight minutes.
 */
const seldomOnPostgres = [
  'conformance/explained-sessions.test.ts',
  'conformance/processes.test.ts',
  'conformance/refresh-ratchet-growth.test.ts',
  'conformance/restored-backup.test.ts',
  'conformance/revocation-verifiers.test.ts',
  'conformance/shared-credential-soak.test.ts',
  'conformance/sigkill.test.ts',
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
          include: ['conformance/**/*.long.test.ts', ...seldomOnPostgres],
          exclude: notForPostgres,
          seconds: 1800,
          ...sharedCluster,
          ...onPostgres,
        },
      ]
    : [
        { name: 'unit', include: [unit], exclude: [long], seconds: 120, ...sharedCluster },
        { name: 'conformance', include: [conformance], exclude: [long], seconds: 120, ...sharedCluster },
        {
          name: 'conformance-postgres',
          include: [conformance],
          exclude: [long, ...notForPostgres, ...seldomOnPostgres],
          seconds: 120,
          ...sharedCluster,
          ...onPostgres,
        },
        { name: 'checks', include: [checks], exclude: [long], seconds: 120 },
      ]

export default defineConfig({
  test: {
    // However many cores there are: the heavy tools of checks/ each fill a core by themselves, and others mostly wait.
    maxWorkers: 3,
    projects: projects.map(({ seconds, ...project }) => ({
      test: { ...project, testTimeout: seconds * 1000, hookTimeout: seconds * 1000 },
    })),
  },
})
