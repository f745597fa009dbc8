/** A JSON Schema (2020-12), as OpenAPI 3.1 has them. */
export type Schema = Readonly<Record<string, unknown>>

/** Members of a body or of a reply, by name. */
export type Members = Readonly<Record<string, Schema>>

/** How the headers of a request may prove where it comes from: any one of these, or not at all where `none` is among them. */
export type Proof = 'clientSecretBasic' | 'accessToken' | 'accessCookie' | 'refreshCookie' | 'none'

/** What one operation takes and gives. */
export interface Operation {
  /** One sentence. */
  readonly summary: string
  readonly group: 'First party' | 'OAuth' | 'Operation'
  /** Default: none is asked for. */
  readonly proof?: readonly Proof[]
  /** Parameters of the query. */
  readonly query?: Members
  /** Members of a JSON body. */
  readonly json?: Members
  /** Parameters of an `application/x-www-form-urlencoded` body. */
  readonly form?: Members
  /** Names of the members that a body, or else the query, must have. */
  readonly required?: readonly string[]
  /** Replies other than refusals, by status. */
  readonly replies: Readonly<Record<number, Reply>>
}

/** A reply other than a refusal. */
export interface Reply {
  readonly description: string
  readonly type?: 'application/json' | 'text/event-stream' | 'text/html' | 'text/plain'
  /** Of the body; absent: there is none, or it is no JSON. */
  readonly schema?: Schema
}
