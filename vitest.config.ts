import { defineConfig } from 'vitest/config'

const long = '**/*.long.test.ts'
const unit = 'packages/*/test/**/*.test.ts'
const conformance = 'conformance/**/*.test.ts'
const checks = 'checks/**/*.test.ts'

/** The long forms are a run of their own (`npm run test:long`), never part of the everyday one. */
const projects =
  process.env['PAWL_LONG_TESTS'] === '1'
    ? [{ name: 'long', include: [long], exclude: ['**/node_modules/**'], seconds: 1800 }]
    : [
        { name: 'unit', include: [unit], exclude: [long], seconds: 20 },
        { name: 'conformance', include: [conformance], exclude: [long], seconds: 60 },
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
