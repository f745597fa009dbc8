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
 * Of the others, those in which the store matters most. The rest runs on PostgreSQL in the long run, so that the everyday
 * one stays below eight minutes.
 */
const everydayOnPostgres = [
  'conformance/first-party-{login,logout,password,refresh,sessions}.test.ts',
  'conformance/housekeeping.test.ts',
  'conformance/outbox.test.ts',
  'conformance/refresh-ratchet-{convergence,strangers,theft}.test.ts',
  'conformance/revocation-{feed,races}.test.ts',
  'conformance/rfc6749-authorization-code.test.ts',
  'conformance/rfc7523-client-assertions.test.ts',
  'conformance/rfc8628-device-grant.test.ts',
  'conformance/rotation-bugs.test.ts',
  'conformance/storage-failures.test.ts',
  'conformance/three-processes.test.ts',
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
          include: [conformance],
          exclude: [...notForPostgres, ...everydayOnPostgres],
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
          include: everydayOnPostgres,
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
      test: {
        ...project,
        testTimeout: seconds * 1000,
        hookTimeout: seconds * 1000,
        // What is waited for comes at once, unless the machine is busy.
        expect: { poll: { timeout: 15_000 } },
      },
    })),
  },
})
