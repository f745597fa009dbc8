import { fileURLToPath } from 'node:url'
import { buildPackages } from './build-packages.ts'

for (const folder of buildPackages(fileURLToPath(new URL('..', import.meta.url)))) console.log(folder)
