import { join } from 'node:path'

const repository = join(import.meta.dirname, '../..')

/** @type {import('next').NextConfig} */
const configuration = {
  distDir: 'dist',
  poweredByHeader: false,
  // The packages of this repository are sources, and lie outside of this folder. Installed ones need neither line.
  transpilePackages: ['@pawl/client', '@pawl/protocol'],
  turbopack: { root: repository },
  outputFileTracingRoot: repository,
}

export default configuration
