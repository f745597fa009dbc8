import { type EnvironmentOptions, readEnvironment } from '../environment.ts'
import { createAskIssuer } from '../issuer-request.ts'
import type { SessionClient } from '../session-client.ts'
import { askSignIn, type SignInCredentials, type SignInOutcome } from '../sign-in.ts'
import { holdStoredSession } from './stored-session-client.ts'
import { firstPartyIssuer } from './token-issuer.ts'
import type { TokenStore } from './token-store.ts'

/** What a client that holds its tokens itself can be told. */
export interface TokenClientOptions extends EnvironmentOptions {
  /** Where the tokens are kept. */
  readonly store: TokenStore
}

/** A client that holds access token and refresh token itself, in a store of your choice. */
export interface StoredTokensClient extends SessionClient {
  /**
   * The access token, renewed before if it has expired; for what cannot go through `fetch`, such as a WebSocket. Undefined
   * when nobody is signed in or none is to be had now. Takes at most 20 seconds and never rejects.
   */
  readonly accessToken: () => Promise<string | undefined>
}

/** A {@link StoredTokensClient} that signs in with a password. */
export interface TokenClient extends StoredTokensClient {
  /**
   * Signs in with a password. Refusals and failures are values. It works whatever is stored from before, and also where
   * nothing can be stored: then the session ends with this client. Takes at most 40 seconds.
   */
  readonly signIn: (credentials: SignInCredentials) => Promise<SignInOutcome>
}

/**
 * Makes a client for where there is no cookie jar: command lines, desktop programs, agents, servers, browser extensions.
 * The tokens travel in bodies and live in the store. For pages of your own site there is {@link createClient}, with which
 * no script ever sees a refresh token.
 *
 * @throws TypeError if the options cannot be right; the message names the option
 * @example
 * const client = createTokenClient({ issuer: 'https://id.example', store: memoryStore() })
 */
export function createTokenClient(options: TokenClientOptions): TokenClient {
  const environment = readEnvironment(options)
  const ask = createAskIssuer(environment.issuer, environment.fetch, 'omit')
  const { begin, client } = holdStoredSession(environment, options.store, firstPartyIssuer(ask))
  return {
    ...client,
    signIn: (credentials) =>
      begin((signal) => askSignIn(credentials, { delivery: 'body' }, { ...environment, ask, signal })),
  }
}
