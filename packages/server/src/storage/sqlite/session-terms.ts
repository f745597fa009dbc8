import { integer, text } from '../stored-columns.ts'
import { parseTerms, type SessionTerms, termsDocument } from '../stored-records.ts'
import type { Database } from './database.ts'

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

const selectDocument = 'SELECT client_id, document FROM session_terms WHERE number = :number'

/** The table of session terms. */
export function termsTable(database: Database): TermsTable {
  const known = new Map<number, SessionTerms>()

  function read(number: number): SessionTerms {
    const row = database.get(selectDocument, { number })
    if (row === undefined) throw new Error('a session names terms that are not there')
    return parseTerms(text(row, 'client_id'), text(row, 'document'))
  }

  return {
    numberOf(terms) {
      const document = termsDocument(terms)
      const row =
        database.get(selectTerms, { document }) ?? database.get(insertTerms, { clientId: terms.clientId, document })
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
