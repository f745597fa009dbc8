/** What the error reference is written from: the tables of the protocol package. */
export interface ErrorTables {
  readonly errors: Readonly<Record<string, { readonly status: number; readonly description: string }>>
  readonly reasons: Readonly<Record<string, string>>
}

/** Where the reference lies below the root. */
export const errorReferencePath = 'docs/errors.md'

/** The error reference as Markdown. */
export function errorReference({ errors, reasons }: ErrorTables): string {
  const errorRows = Object.entries(errors).map(
    ([code, { status, description }]) => `| \`${code}\` | ${status} | ${cell(description)} |`,
  )
  const reasonRows = Object.entries(reasons).map(([reason, meaning]) => `| \`${reason}\` | ${cell(meaning)} |`)
  return [
    '# Errors',
    '',
    'Written from the error table in `packages/protocol` by `npm run errors`; change it there, not here.',
    '',
    'Every refusal is a JSON document `{error, error_description, reason?, request_id}`. Branch on `error`, then on',
    '`reason`; both are stable. The texts are for people and may change. The log line of the request bears the same',
    '`request_id`.',
    '',
    '## `error`',
    '',
    '| error | status | error_description |',
    '|---|---|---|',
    ...errorRows,
    '',
    '## `reason`',
    '',
    '| reason | meaning |',
    '|---|---|',
    ...reasonRows,
    '',
  ].join('\n')
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
