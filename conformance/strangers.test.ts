import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'
import { describe, expect, test } from 'vitest'
import { addApp, callback, sitDown } from './running-server/authorization.ts'
import { addClient } from './running-server/registered-clients.ts'
import { alice, type StartedServer, startServer } from './running-server/started-server.ts'

/** These clients go by the real time, so the server's clock is set to it. */
async function startNow(profile: 'oauth2.1' | 'oidc' = 'oauth2.1'): Promise<StartedServer> {
  const server = await startServer({ configuration: { profile } })
  server.clock.advanceMilliseconds(Date.now() - server.clock.now())
  return server
}

/** Loopback without TLS is all that a test has; the libraries want to be told that this is meant. */
const plainHttp = { [oauth.allowInsecureRequests]: true } as const

/** A person at a browser, seen by a client: goes to an address of the server and comes back with an answer. */
async function visit(server: StartedServer, url: URL): Promise<URL> {
  const answer = await sitDown(server).authorize(url.pathname + url.search)
  return new URL(`${callback}?${answer}`)
}

describe('strangers’ clients, as they are', () => {
  test.each(['oauth2.1', 'oidc'] as const)(
    'oauth4webapi with the profile %s: discovery, PAR, PKCE, resource, id token, userinfo, refresh, introspection, revocation',
    async (profile) => {
      await using server = await startNow(profile)
      const secret = await addApp(server, { type: 'confidential' })
      const issuer = new URL(server.issuer)
      const discovered = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...plainHttp })
      const as = await oauth.processDiscoveryResponse(issuer, discovered)
      const byOidc = await oauth.discoveryRequest(issuer, { algorithm: 'oidc', ...plainHttp })
      expect(await oauth.processDiscoveryResponse(issuer, byOidc)).toEqual(as)

      const client: oauth.Client = {
        client_id: 'app',
        ...(profile === 'oauth2.1' && { id_token_signed_response_alg: 'ES256' }),
      }
      const authentication = oauth.ClientSecretBasic(secret)
      const [verifier, state, nonce] = [
        oauth.generateRandomCodeVerifier(),
        oauth.generateRandomState(),
        oauth.generateRandomNonce(),
      ]
      const parameters = new URLSearchParams({
        response_type: 'code',
        redirect_uri: callback,
        scope: 'openid profile read',
        resource: 'https://api.example',
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        state,
        nonce,
        max_age: '3600',
      })
      const pushing = await oauth.pushedAuthorizationRequest(as, client, authentication, parameters, plainHttp)
      const pushed = await oauth.processPushedAuthorizationResponse(as, client, pushing)
      const url = new URL(as.authorization_endpoint ?? '')
      url.search = String(new URLSearchParams({ client_id: 'app', request_uri: pushed.request_uri }))
      const answer = oauth.validateAuthResponse(as, client, await visit(server, url), state)
      const redeeming = await oauth.authorizationCodeGrantRequest(
        as,
        client,
        authentication,
        answer,
        callback,
        verifier,
        plainHttp,
      )
      const tokens = await oauth.processAuthorizationCodeResponse(as, client, redeeming, {
        expectedNonce: nonce,
        maxAge: 3600,
        requireIdToken: true,
      })
      await oauth.validateApplicationLevelSignature(as, redeeming, plainHttp)
      const sub = oauth.getValidatedIdTokenClaims(tokens)?.sub ?? ''
      const asking = await oauth.userInfoRequest(as, client, tokens.access_token, plainHttp)
      expect(await oauth.processUserInfoResponse(as, client, sub, asking)).toMatchObject({
        preferred_username: alice.username,
      })

      const refreshing = await oauth.refreshTokenGrantRequest(
        as,
        client,
        authentication,
        tokens.refresh_token ?? '',
        plainHttp,
      )
      const refreshed = await oauth.processRefreshTokenResponse(as, client, refreshing)
      expect(refreshed.refresh_token).not.toBe(tokens.refresh_token)
      const isActive = async () => {
        const reply = await oauth.introspectionRequest(as, client, authentication, refreshed.access_token, plainHttp)
        return (await oauth.processIntrospectionResponse(as, client, reply)).active
      }
      expect(await isActive()).toBe(true)
      const token = refreshed.refresh_token ?? ''
      const revoking = await oauth.revocationRequest(as, client, authentication, token, plainHttp)
      await oauth.processRevocationResponse(revoking)
      expect(await isActive()).toBe(false)
    },
  )

  test('oauth4webapi is told of a refusal, with the issuer it can trust (AZ-7)', async () => {
    await using server = await startNow()
    await addApp(server)
    const issuer = new URL(server.issuer)
    const as = await oauth.processDiscoveryResponse(
      issuer,
      await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...plainHttp }),
    )
    const url = new URL(as.authorization_endpoint ?? '')
    url.search = String(new URLSearchParams({ client_id: 'app', response_type: 'code', redirect_uri: callback }))
    const back = await visit(server, url)
    expect(() => oauth.validateAuthResponse(as, { client_id: 'app' }, back, oauth.skipStateCheck)).toThrow(
      expect.objectContaining({ error: 'invalid_request' }),
    )
  })

  test('openid-client: discovery, sign-in, userinfo, refresh, a device, and sign-out', async () => {
    await using server = await startNow()
    await addApp(server)
    await addClient(server, {
      id: 'tv',
      type: 'public',
      grants: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
      scopes: ['openid'],
    })
    const options = { execute: [openid.allowInsecureRequests] }
    const signed = { id_token_signed_response_alg: 'ES256' }
    const configured = (id: string) => openid.discovery(new URL(server.issuer), id, signed, openid.None(), options)
    const app = await configured('app')
    const pkceCodeVerifier = openid.randomPKCECodeVerifier()
    const [expectedState, expectedNonce] = [openid.randomState(), openid.randomNonce()]
    const url = openid.buildAuthorizationUrl(app, {
      redirect_uri: callback,
      scope: 'openid profile',
      code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
      state: expectedState,
      nonce: expectedNonce,
    })
    const checks = { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true }
    const tokens = await openid.authorizationCodeGrant(app, await visit(server, url), checks)
    const sub = tokens.claims()?.sub ?? ''
    expect(await openid.fetchUserInfo(app, tokens.access_token, sub)).toEqual({
      sub,
      preferred_username: alice.username,
    })
    const refreshed = await openid.refreshTokenGrant(app, tokens.refresh_token ?? '')
    expect(refreshed.access_token).not.toBe(tokens.access_token)

    const tv = await configured('tv')
    const device = await openid.initiateDeviceAuthorization(tv, { scope: 'openid' })
    const person = sitDown(server)
    const path = (device.verification_uri_complete ?? '').slice(server.issuer.length)
    await person.send(await person.send(await person.open(path), alice), { allow: 'yes' })
    const ofDevice = await openid.pollDeviceAuthorizationGrant(tv, { ...device, interval: 0.01 })
    expect(ofDevice.claims()?.sub).toBe(sub)

    const leaving = openid.buildEndSessionUrl(app, {
      id_token_hint: tokens.id_token ?? '',
      post_logout_redirect_uri: callback,
      state: 'left',
    })
    const left = await person.open(leaving.pathname + leaving.search)
    expect(left.reply.headers.get('location')).toBe(`${callback}?state=left`)
  })
})
