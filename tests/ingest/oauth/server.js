// An authorization server on loopback, for one test: oidc-provider, whose clients get access tokens by
// client_credentials, as JWTs or opaque ones, and where people sign in for the client `console`.
//   node server.js CERTIFICATE KEY
// Prints {"issuer": …} once it listens. Beside what the provider answers:
//   POST /test/rotate   new keys, the old ones are gone
//   GET  /test/counts   how often its keys, metadata and introspection were asked for
//   POST /test/back?to=URL   people who sign in are sent back there
// It ends by itself after two minutes.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import Provider from 'oidc-provider';

const [certificate, key] = process.argv.slice(2);
const audience = 'https://kith.example';

function newKeys() {
  const one = (type, options, more) => ({
    ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }),
    use: 'sig',
    kid: randomUUID(),
    ...more,
  });
  return [
    one('rsa', { modulusLength: 2048 }, { alg: 'RS256' }),
    one('rsa', { modulusLength: 2048 }, { alg: 'PS256' }),
    one('ec', { namedCurve: 'P-256' }, { alg: 'ES256' }),
    one('ec', { namedCurve: 'P-384' }, { alg: 'ES384' }),
  ];
}

let back = null; // where people are sent
const person = (id) => ({ accountId: id, claims: () => ({ sub: `id-of-${id}`, preferred_username: id, groups: groups[id] ?? [] }) });
const groups = { ada: ['staff', 'kith-operators'], ben: ['staff'] };

const signingIn = () => ({
  ...client('console'),
  grant_types: ['authorization_code'],
  redirect_uris: [back],
  response_types: ['code'],
});

// One page for all that is asked of a person: who they are, or that they do not want to.
async function interact(provider, request, response) {
  if (request.method === 'GET') {
    response.setHeader('Content-Type', 'text/html');
    response.end(`<!doctype html><title>Provider</title><h1>Provider</h1><form method="post">
      <label>Name <input name="name"></label> <button name="does" value="in">Go on</button> <button name="does" value="out">Cancel</button></form>`);
    return;
  }
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const form = new URLSearchParams(Buffer.concat(chunks).toString());
  if (form.get('does') === 'out') {
    await provider.interactionFinished(request, response, { error: 'access_denied', error_description: 'they went away' });
    return;
  }
  const { params } = await provider.interactionDetails(request, response);
  const grant = new provider.Grant({ accountId: form.get('name'), clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  await provider.interactionFinished(request, response, { login: { accountId: form.get('name') }, consent: { grantId: await grant.save() } });
}

const client = (client_id) => ({
  client_id,
  client_secret: `${client_id}'s secret: 100%`,
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
});

// What is asked for: https://kith.example/ALGORITHM or https://kith.example/opaque. All are for the same audience.
function resourceServer(ctx, resource) {
  const format = new URL(resource).pathname.slice(1);
  const opaque = format === 'opaque';
  return {
    scope: 'events:write profiles:read',
    audience,
    accessTokenTTL: 600,
    accessTokenFormat: opaque ? 'opaque' : 'jwt',
    ...(opaque ? {} : { jwt: { sign: { alg: format } } }),
  };
}

function makeProvider(issuer) {
  return new Provider(issuer, {
    clients: [client('shop'), client('kith'), ...(back ? [signingIn()] : [])],
    claims: { openid: ['sub'], profile: ['preferred_username'], groups: ['groups'] },
    cookies: { keys: [randomUUID()] },
    findAccount: (ctx, id) => person(id),
    interactions: { url: (ctx, interaction) => `/test/interaction/${interaction.uid}` },
    jwks: { keys: newKeys() },
    scopes: ['openid', 'events:write', 'profiles:read'],
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'PS256', 'ES256', 'ES384'] },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: (ctx, who) => who.clientId === 'kith' },
      revocation: { enabled: true },
      resourceIndicators: { enabled: true, getResourceServerInfo: resourceServer },
    },
  });
}

const counts = {};
let provider;
let answer;
function begin() {
  provider = makeProvider(issuer);
  answer = provider.callback();
}
const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (request, response) => {
  if (request.url === '/test/rotate') {
    begin();
    response.end('{}');
  } else if (request.url.startsWith('/test/back?')) {
    back = new URL(request.url, issuer).searchParams.get('to');
    begin();
    response.end('{}');
  } else if (request.url.startsWith('/test/interaction/')) {
    interact(provider, request, response).catch((why) => response.writeHead(500).end(why.message));
  } else if (request.url === '/test/counts') {
    response.end(JSON.stringify(counts));
  } else {
    counts[request.url] = (counts[request.url] ?? 0) + 1;
    answer(request, response);
  }
});
let issuer;
server.listen(0, '127.0.0.1', () => {
  issuer = `https://localhost:${server.address().port}`;
  begin();
  console.log(JSON.stringify({ issuer }));
});
setTimeout(() => process.exit(1), 120_000);
