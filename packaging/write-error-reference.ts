import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { errorTable, refusalReasons } from '@pawl/protocol'
import { errorReference, errorReferencePath } from './error-reference.ts'

const file = fileURLToPath(new URL(`../${errorReferencePath}`, import.meta.url))
mkdirSync(dirname(file), { recursive: true })
writeFileSync(file, errorReference({ errors: errorTable, reasons: refusalReasons }))
