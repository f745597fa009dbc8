import { authorizationOperations } from './authorization-operations.ts'
import type { Operation, Reply } from './operation.ts'
import { clientParameters, firstPartyMembers, metadataMembers, objectOf, refer, tokenParameters } from './schemas.ts'

const nothing: Reply = { description: 'Done; no body.' }
const { username, password, delivery, access, refresh_token, attempt_id, resource } = firstPartyMembers
const { current_password, new_password } = firstPartyMembers

function answer(description: string, name: Parameters<typeof refer>[0]): Reply {
  return { description, type: 'application/json', schema: refer(name) }
}

const document: Reply = { description: 'The document.', type: 'application/json', schema: { type: 'object' } }
const signedIn = answer('Signed in; the tokens come as cookies or in the body.', 'SignedIn')
/** By the header, or by parameters of the body. */
const asClient = ['clientSecretBasic', 'none'] as const
const asUser = ['accessToken', 'accessCookie'] as const

/** Every operation by its method and path below the issuer; a test holds the list against the route table. */
export const operations: Readonly<Record<string, Operation>> = {
  'POST /auth/login': {
    summary: 'Signs a user in.',
    group: 'First party',
    json: { username, password, delivery, access },
    required: ['username', 'password'],
    replies: { 200: signedIn },
  },
  'POST /auth/register': {
    summary: 'Makes an account and signs its user in, where people may register themselves.',
    group: 'First party',
    json: { username, password: new_password, delivery, access },
    required: ['username', 'password'],
    replies: { 201: signedIn },
  },
  'POST /auth/refresh': {
    summary: 'Gives the next tokens for a refresh token.',
    group: 'First party',
    proof: ['refreshCookie', 'none'],
    json: { refresh_token, attempt_id, resource, access },
    replies: { 200: signedIn },
  },
  'POST /auth/logout': {
    summary: 'Ends the session, if there is one.',
    group: 'First party',
    proof: ['refreshCookie', ...asUser, 'none'],
    json: { refresh_token },
    replies: { 204: nothing },
  },
  'POST /auth/logout-everywhere': {
    summary: 'Ends all sessions of the user.',
    group: 'First party',
    proof: asUser,
    replies: { 204: nothing },
  },
  'POST /auth/password': {
    summary: 'Sets a new password, and ends the other sessions of the user.',
    group: 'First party',
    proof: asUser,
    json: { current_password, new_password },
    required: ['current_password', 'new_password'],
    replies: { 204: nothing },
  },
  'GET /auth/session': {
    summary: 'The session of the access token.',
    group: 'First party',
    proof: asUser,
    replies: { 200: answer('The session.', 'Session') },
  },
  'GET /auth/sessions': {
    summary: 'All sessions of the user.',
    group: 'First party',
    proof: asUser,
    replies: { 200: answer('The sessions.', 'Sessions') },
  },
  'DELETE /auth/sessions/{id}': {
    summary: 'Ends one session of the user.',
    group: 'First party',
    proof: asUser,
    replies: { 204: nothing },
  },
  ...authorizationOperations,
  'POST /oauth/token': {
    summary: 'Gives tokens for what a client presents (RFC 6749 section 3.2).',
    group: 'OAuth',
    proof: asClient,
    form: { ...tokenParameters, ...clientParameters },
    required: ['grant_type'],
    replies: { 200: answer('The tokens.', 'Tokens') },
  },
  'POST /oauth/revoke': {
    summary: 'Ends the session of a token (RFC 7009).',
    group: 'OAuth',
    proof: asClient,
    form: { token: { type: 'string' }, token_type_hint: { type: 'string' }, ...clientParameters },
    required: ['token'],
    replies: { 200: { description: 'The token is good for nothing now, if it ever was.' } },
  },
  'POST /oauth/introspect': {
    summary: 'Tells whether an access token is active, and what it holds (RFC 7662).',
    group: 'OAuth',
    proof: asClient,
    form: { token: { type: 'string' }, token_type_hint: { type: 'string' }, ...clientParameters },
    required: ['token'],
    replies: { 200: answer('The claims, or that it is not active.', 'Introspection') },
  },
  'POST /oauth/register': {
    summary: 'Registers the client that asks (RFC 7591), where clients may register themselves.',
    group: 'OAuth',
    json: metadataMembers,
    replies: { 201: answer('The client, with what is shown once.', 'Client') },
  },
  'GET /oauth/register/{id}': {
    summary: 'What is registered (RFC 7592); by the registration access token.',
    group: 'OAuth',
    proof: ['accessToken'],
    replies: { 200: answer('The client.', 'Client') },
  },
  'DELETE /oauth/register/{id}': {
    summary: 'Withdraws a registration (RFC 7592); by the registration access token.',
    group: 'OAuth',
    proof: ['accessToken'],
    replies: { 204: nothing },
  },
  'GET /oauth/jwks': {
    summary: 'The keys that access tokens are signed with (RFC 7517).',
    group: 'OAuth',
    replies: { 200: answer('The key set.', 'KeySet') },
  },
  'GET /.well-known/oauth-authorization-server': {
    summary: 'What this server offers (RFC 8414).',
    group: 'OAuth',
    replies: { 200: document },
  },
  'GET /.well-known/openid-configuration': {
    summary: 'The same, where OpenID Connect looks for it.',
    group: 'OAuth',
    replies: { 200: document },
  },
  'GET /openapi.json': {
    summary: 'This document.',
    group: 'Operation',
    replies: { 200: document },
  },
  'GET /revocations': {
    summary: 'What ended, as server-sent events, for verifiers.',
    group: 'Operation',
    proof: ['accessToken', 'none'],
    replies: { 200: { description: 'Events, until somebody breaks off.', type: 'text/event-stream' } },
  },
  'GET /health/live': {
    summary: 'Whether the process answers.',
    group: 'Operation',
    replies: {
      200: {
        description: 'It does.',
        type: 'application/json',
        schema: objectOf({ status: { const: 'live' } }, ['status']),
      },
    },
  },
  'GET /health/ready': {
    summary: 'Whether it takes work and its store answers.',
    group: 'Operation',
    replies: {
      200: {
        description: 'It does.',
        type: 'application/json',
        schema: objectOf({ status: { const: 'ready' } }, ['status']),
      },
    },
  },
  'GET /metrics': {
    summary: 'What this server counts, in the Prometheus text format.',
    group: 'Operation',
    replies: { 200: { description: 'The figures.', type: 'text/plain' } },
  },
}
