import type { SessionRecord } from '../../tokens/session.ts'
import { integer, oneOf, text, textList, textOrNull } from './columns.ts'
import type { Database } from './database.ts'

/** What is alike in most sessions of a client: what was granted and how. Stored once; a session names it by number. */
export type SessionTerms = Pick<SessionRecord, 'clientId' | 'scope' | 'resources' | 'acr' | 'amr' | 'delivery'>

const deliveries = ['cookie', 'cookie-memory', 'body'] as const satisfies readonly SessionTerms['delivery'][]

/** Terms are never changed or deleted, so what was read of them stays true. */
export interface TermsTable {
  /** The number of these terms, written down if they are new. Call inside a transaction. */
  numberOf(terms: SessionTerms): number
  /** The terms of a number. */
  termsOf(number: number): SessionTerms
  /** Forgets what it has read, for another file may be opened next. */
  forget(): void
}

/** How many terms are kept in memory before all of them are forgotten; far more than a server's clients have. */
const remembered = 1000

const insertTerms = `
  INSERT INTO session_terms (client_id, document) VALUES (:clientId, :document)
  RETURNING number`

const selectTerms = 'SELECT number FROM session_terms WHERE document = :document'

const selectDocument = `
  SELECT client_id,
    document ->> '$.scope' AS scope, document ->> '$.resources' AS resources, document ->> '$.acr' AS acr,
    document ->> '$.amr' AS amr, document ->> '$.delivery' AS delivery
  FROM session_terms WHERE number = :number`

/** The table of session terms. */
export function termsTable(database: Database): TermsTable {
  const known = new Map<number, SessionTerms>()

  function read(number: number): SessionTerms {
    const row = database.get(selectDocument, { number })
    if (row === undefined) throw new Error('a session names terms that are not there')
    return Object.freeze({
      clientId: text(row, 'client_id'),
      scope: Object.freeze(textList(text(row, 'scope'), 'scope')),
      resources: Object.freeze(textList(text(row, 'resources'), 'resources')),
      acr: textOrNull(row, 'acr'),
      amr: Object.freeze(textList(text(row, 'amr'), 'amr')),
      delivery: oneOf(row, 'delivery', deliveries),
    })
  }

  return {
    numberOf({ clientId, scope, resources, acr, amr, delivery }) {
      const document = JSON.stringify({ clientId, scope, resources, acr, amr, delivery })
      const row = database.get(selectTerms, { document }) ?? database.get(insertTerms, { clientId, document })
      if (row === undefined) throw new Error('terms were neither found nor written')
      return integer(row, 'number')
    },

    termsOf(number) {
      const remembrance = known.get(number)
      if (remembrance !== undefined) return remembrance
      const terms = read(number)
      if (known.size >= remembered) known.clear()
      known.set(number, terms)
      return terms
    },

    forget() {
      known.clear()
    },
  }
}
