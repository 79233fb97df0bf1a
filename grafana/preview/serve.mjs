// Serves the page, the dashboards and a Prometheus behind /prom, on loopback only.
//   node serve.mjs --prometheus http://127.0.0.1:9090 [--port 8300] [--bundle dist] [--dashboards FOLDER]
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { values: given } = parseArgs({
  options: {
    prometheus: { type: 'string', default: 'http://127.0.0.1:9090' },
    port: { type: 'string', default: '8300' },
    bundle: { type: 'string', default: here('dist') },
    dashboards: { type: 'string', default: here('../dashboards') },
  },
});

const TYPES = { '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.json': 'application/json' };
// What a Grafana server would write into its page.
const PAGE = `<!doctype html><meta charset="utf-8"><title>Preview</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/page.css"><div id="root"></div>
<script>
window.__grafana_public_path__ = '/public/';
window.grafanaBootData = { settings: { featureToggles: {} }, user: { locale: 'en-GB' }, navTree: [] };
</script><script src="/page.js"></script>`;

function answer(incoming, outgoing) {
  const { pathname, search } = new URL(incoming.url, 'http://loopback');
  if (pathname.startsWith('/prom/')) {
    forward(pathname.slice('/prom'.length) + search, outgoing);
  } else if (pathname.startsWith('/d/')) {
    outgoing.writeHead(200, { 'content-type': 'text/html' }).end(PAGE);
  } else if (pathname.startsWith('/dashboards/')) {
    send(given.dashboards, pathname.slice('/dashboards'.length), outgoing);
  } else {
    send(given.bundle, pathname, outgoing);
  }
}

function forward(path, outgoing) {
  const asked = request(given.prometheus + path, (answered) => {
    outgoing.writeHead(answered.statusCode, { 'content-type': 'application/json' });
    answered.pipe(outgoing);
  });
  asked.on('error', (error) => {
    const told = { status: 'error', error: `Prometheus does not answer: ${error.message}` };
    outgoing.writeHead(502, { 'content-type': 'application/json' }).end(JSON.stringify(told));
  });
  asked.end();
}

async function send(folder, path, outgoing) {
  const file = join(folder, normalize(path));
  const found = await stat(file).catch(() => null);
  if (!found?.isFile()) {
    lacking(path, outgoing);
    return;
  }
  // What a browser keeps it also keeps compiled: the next page is there in half the time.
  const kept = folder === given.bundle ? 'max-age=30' : 'no-store';
  const type = TYPES[extname(file)] ?? 'application/octet-stream';
  outgoing.writeHead(200, { 'content-type': type, 'cache-control': kept });
  createReadStream(file).pipe(outgoing);
}

/** Some icons that Grafana's components ask for are in a server only: they stay blank. */
function lacking(path, outgoing) {
  const isIcon = path.startsWith('/public/build/img/icons/');
  const blank = '<svg xmlns="http://www.w3.org/2000/svg"/>';
  outgoing.writeHead(isIcon ? 200 : 404, { 'content-type': TYPES['.svg'] }).end(isIcon ? blank : '');
}

const LONGEST_QUERY = 2 ** 20; // in bytes: the ids of twenty runs, in every selector
const server = createServer({ maxHeaderSize: LONGEST_QUERY }, answer).listen(Number(given.port), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});
