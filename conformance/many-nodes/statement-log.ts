import type { Cluster } from '../postgres/cluster.ts'

/** A statement that the server has logged. */
export interface Statement {
  readonly text: string
  /** Whether it stood between BEGIN and COMMIT. */
  readonly inTransaction: boolean
}

/** What {@link statementsDuring} needs a cluster to be set to. */
export const loggingEverything = { log_statement: 'all', log_line_prefix: '%p|' } as const

/** What a server that logs everything was asked while something was done. */
export async function statementsDuring(cluster: Cluster, work: () => Promise<void>): Promise<readonly Statement[]> {
  const before = cluster.log().length
  await work()
  return readStatements(cluster.log().slice(before))
}

/** Of the statements, those that change sessions. */
export function sessionWrites(statements: readonly Statement[]): readonly Statement[] {
  return statements.filter(({ text }) =>
    /\b(UPDATE|INSERT INTO|DELETE FROM|MERGE INTO)\s+"?pawl"?\."?sessions\b/.test(text),
  )
}

/** Lines of one connection belong together; those that begin with a tab go on with the line before. */
function readStatements(log: string): readonly Statement[] {
  const open = new Set<string>()
  return log.split(/^(?=\d+\|)/m).flatMap((entry) => {
    const [, connection = '', text] = /^(\d+)\|LOG: {2}(?:statement|execute [^:]*): ([\s\S]*)/.exec(entry) ?? []
    if (text === undefined) return []
    if (/^\s*BEGIN\b/.test(text)) open.add(connection)
    if (/^\s*(COMMIT|ROLLBACK)\b/.test(text)) open.delete(connection)
    return [{ text, inTransaction: open.has(connection) }]
  })
}
