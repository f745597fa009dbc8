#!/usr/bin/env node
import { runPawl } from './program.ts'
import { processTerminal } from './terminal.ts'

process.exitCode = await runPawl(process.argv.slice(2), processTerminal())
// What should have ended by now does not get to keep the process alive.
setTimeout(() => process.exit(), 500).unref()
