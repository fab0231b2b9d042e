// An authorization server on loopback, for one test: oidc-provider, whose clients get access tokens by
// client_credentials, as JWTs or opaque ones.
//   node server.js CERTIFICATE KEY
// Prints {"issuer": …} once it listens. Beside what the provider answers:
//   POST /test/rotate   new keys, the old ones are gone
//   GET  /test/counts   how often its keys, metadata and introspection were asked for
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
    clients: [client('shop'), client('kith')],
    jwks: { keys: newKeys() },
    scopes: ['events:write', 'profiles:read'],
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
let answer;
const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (request, response) => {
  if (request.url === '/test/rotate') {
    answer = makeProvider(issuer).callback();
    response.end('{}');
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
  answer = makeProvider(issuer).callback();
  console.log(JSON.stringify({ issuer }));
});
setTimeout(() => process.exit(1), 120_000);
