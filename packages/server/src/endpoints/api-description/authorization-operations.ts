import type { Members, Operation, Reply, Schema } from './operation.ts'
import { clientParameters, objectOf } from './schemas.ts'

const text = (description: string): Schema => ({ type: 'string', description })
const page = (description: string): Reply => ({ description, type: 'text/html' })
const elsewhere: Reply = { description: 'Sent on.' }
const asUser = ['accessToken', 'accessCookie'] as const

function json(description: string, members: Members, required: readonly string[]): Reply {
  return { description, type: 'application/json', schema: objectOf(members, required) }
}

/** Parameters of an authorization request (RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2.1). */
const request: Members = {
  client_id: text('Id of the client.'),
  redirect_uri: text('One that is registered for it.'),
  response_type: { type: 'string', enum: ['code'] },
  code_challenge: text('SHA-256 of the verifier, as base64url (RFC 7636).'),
  code_challenge_method: { type: 'string', enum: ['S256'] },
  scope: text('Scope values, parted by spaces.'),
  state: text('Comes back with the answer.'),
  nonce: text('Comes back in the id token.'),
  prompt: { type: 'string', enum: ['none', 'login', 'consent', 'select_account'] },
  max_age: text('Seconds since the password was typed, at most.'),
  acr_values: text('What the sign-in should reach.'),
  login_hint: text('Whom the form is filled in for.'),
  resource: { type: 'array', items: { type: 'string' }, description: 'Resources to have tokens for (RFC 8707).' },
}
const requestUri: Members = { request_uri: text('A request that was pushed (RFC 9126).') }
const asked = ['client_id', 'redirect_uri', 'response_type', 'code_challenge', 'code_challenge_method']

const forms: Members = {
  step: text('Which of the forms is sent.'),
  proof: text('What the form was made for.'),
  username: text('Of the form for signing in.'),
  password: text('Of the form for signing in.'),
  deny: text('The button that refuses.'),
}
const signOut: Members = {
  id_token_hint: text('An id token of this server.'),
  client_id: text('Id of the client.'),
  post_logout_redirect_uri: text('One that is registered for it.'),
  state: text('Comes back.'),
}

/** Operations between a browser, a device and a client, by method and path below the issuer. */
export const authorizationOperations: Readonly<Record<string, Operation>> = {
  'GET /auth/consents': {
    summary: 'What the user has allowed to applications.',
    group: 'First party',
    proof: asUser,
    replies: { 200: json('The consents.', { consents: { type: 'array', items: { type: 'object' } } }, ['consents']) },
  },
  'DELETE /auth/consents/{id}': {
    summary: 'Takes the consent to one application back, and ends its sessions.',
    group: 'First party',
    proof: asUser,
    replies: { 204: { description: 'Done; no body.' } },
  },
  'GET /oauth/authorize': {
    summary: 'Asks a person to sign in and to allow what a client wants (RFC 6749 section 4.1.1).',
    group: 'OAuth',
    query: { ...request, ...requestUri },
    required: asked,
    replies: { 200: page('A form.'), 303: elsewhere },
  },
  'POST /oauth/authorize': {
    summary: 'What a form of that page sends; or the request itself.',
    group: 'OAuth',
    query: { ...request, ...requestUri },
    form: forms,
    replies: { 200: page('A form.'), 303: elsewhere },
  },
  'POST /oauth/par': {
    summary: 'Takes an authorization request from the client itself (RFC 9126).',
    group: 'OAuth',
    proof: ['clientSecretBasic', 'none'],
    form: { ...request, ...clientParameters },
    required: asked,
    replies: {
      201: json('Where it lies.', { request_uri: text('To be sent on with.'), expires_in: { type: 'integer' } }, [
        'request_uri',
        'expires_in',
      ]),
    },
  },
  'POST /oauth/device_authorization': {
    summary: 'Begins the sign-in of a device without a keyboard (RFC 8628).',
    group: 'OAuth',
    proof: ['clientSecretBasic', 'none'],
    form: { scope: text('Scope values, parted by spaces.'), ...clientParameters },
    replies: {
      200: json('The codes.', { device_code: text('For the device.'), user_code: text('For the person.') }, [
        'device_code',
        'user_code',
      ]),
    },
  },
  'GET /oauth/device': {
    summary: 'Where a person types the code that a device shows.',
    group: 'OAuth',
    query: { user_code: text('Fills the form in.') },
    replies: { 200: page('A form.'), 303: elsewhere },
  },
  'POST /oauth/device': {
    summary: 'What a form of that page sends.',
    group: 'OAuth',
    form: { ...forms, user_code: text('What the device shows.') },
    replies: { 200: page('A form.'), 303: elsewhere },
  },
  'GET /oauth/userinfo': {
    summary: 'Who the user is (OpenID Connect Core section 5.3).',
    group: 'OAuth',
    proof: ['accessToken'],
    replies: { 200: json('The claims.', { sub: text('The user.') }, ['sub']) },
  },
  'POST /oauth/userinfo': {
    summary: 'The same by POST.',
    group: 'OAuth',
    proof: ['accessToken'],
    replies: { 200: json('The claims.', { sub: text('The user.') }, ['sub']) },
  },
  'GET /oauth/logout': {
    summary: 'Signs a person out at the wish of a client (OpenID Connect RP-Initiated Logout).',
    group: 'OAuth',
    query: signOut,
    replies: { 200: page('A question, or that it is done.'), 303: elsewhere },
  },
  'POST /oauth/logout': {
    summary: 'What the form of that page sends; or the wish by POST.',
    group: 'OAuth',
    form: { ...forms, ...signOut },
    replies: { 200: page('A question, or that it is done.'), 303: elsewhere },
  },
}
