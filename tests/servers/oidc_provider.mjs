// A real OpenID Connect provider on loopback (npm: oidc-provider, MIT). Who signs in is set by POST /as/<subject>;
// the sign-in and consent pages then answer themselves. Prints one line when it listens.
import http from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [port, folder, redirect] = process.argv.slice(2);
const require = createRequire(`${folder}/package.json`);
const entry = require.resolve("oidc-provider");
const { default: Provider } = await import(pathToFileURL(entry));

const people = JSON.parse(process.env.PEOPLE);
const issuer = `http://127.0.0.1:${port}`;
let subject = Object.keys(people)[0];

const provider = new Provider(issuer, {
  clients: [{ client_id: "firstline", client_secret: "a secret between the two of us", redirect_uris: [redirect] }],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
  findAccount: (ctx, id) => ({ accountId: id, claims: async () => ({ sub: id, ...people[id] }) }),
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  features: { devInteractions: { enabled: false } },
  pkce: { required: () => true },
  cookies: { keys: ["only for tests"] },
  ttl: { Interaction: 600, Session: 600, Grant: 600, AccessToken: 600, IdToken: 600 },
});

async function finish(req, res) {
  const { prompt, params } = await provider.interactionDetails(req, res);
  if (prompt.name === "login") return provider.interactionFinished(req, res, { login: { accountId: subject } });
  const grant = new provider.Grant({ accountId: subject, clientId: params.client_id });
  grant.addOIDCScope("openid email profile");
  const grantId = await grant.save();
  return provider.interactionFinished(req, res, { consent: { grantId } }, { mergeWithLastSubmission: true });
}

const callback = provider.callback();
http.createServer((req, res) => {
  if (req.url.startsWith("/as/")) { subject = decodeURIComponent(req.url.slice(4)); res.end("ok"); }
  else if (req.url.startsWith("/interaction/")) finish(req, res).catch((error) => { res.statusCode = 500; res.end(String(error)); });
  else callback(req, res);
}).listen(Number(port), "127.0.0.1", () => console.log("listening"));
