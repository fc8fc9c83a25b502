// Makes the certificates and kubeconfigs of docker-compose.yml, once. Usage: node docker/certificates.js [DIRECTORY, default /pki]
import { existsSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { generateCa, generateKeyPairPem, issueCertificate } from '../dist/activities/bootstrap/pki.js';

const root = process.argv[2] ?? '/pki';
/** Written last: a first run that was cut off is made anew, a finished one is kept. */
const done = path.join(root, 'admin/complete');

async function save(name, text, mode = 0o600) {
  const file = path.join(root, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(`${file}.new`, text, { mode });
  await rename(`${file}.new`, file);
}

async function savePair(name, pair) {
  await save(`${name}.key`, pair.key);
  await save(`${name}.crt`, pair.cert, 0o644);
}

/** JSON is YAML: kubectl and client libraries read it as any other kubeconfig. */
function kubeconfig(server, ca, user, pair) {
  const data = (text) => Buffer.from(text).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'perdure',
    clusters: [{ name: 'perdure', cluster: { server, 'certificate-authority-data': data(ca.cert) } }],
    users: [{ name: user, user: { 'client-certificate-data': data(pair.cert), 'client-key-data': data(pair.key) } }],
    contexts: [{ name: 'perdure', context: { cluster: 'perdure', user } }],
  });
}

async function makeEtcd() {
  const ca = await generateCa('perdure-compose-etcd');
  const local = { dns: ['etcd', 'localhost'], ips: ['127.0.0.1'] };
  // Of both usages: the health check speaks to etcd with the server's own certificate.
  const server = await issueCertificate(ca, { commonName: 'etcd', usages: ['server', 'client'], ...local });
  await save('etcd/ca.crt', ca.cert, 0o644);
  await savePair('etcd/server', server);
  await save('apiserver/etcd-ca.crt', ca.cert, 0o644);
  await savePair(
    'apiserver/etcd-client',
    await issueCertificate(ca, { commonName: 'kube-apiserver', usages: ['client'] }),
  );
}

async function makeKubernetes() {
  const ca = await generateCa('perdure-compose');
  const names = ['kube-apiserver', 'localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'];
  const ips = ['127.0.0.1', '10.95.0.1'];
  await save('apiserver/ca.crt', ca.cert, 0o644);
  await savePair(
    'apiserver/server',
    await issueCertificate(ca, { commonName: 'kube-apiserver', usages: ['server'], dns: names, ips }),
  );
  await savePair('apiserver/service-account', await generateKeyPairPem());
  const webhooks = await issueCertificate(ca, {
    commonName: 'perdure-webhooks',
    usages: ['server'],
    dns: ['webhooks', 'localhost'],
    ips: ['127.0.0.1'],
  });
  await save('webhooks/ca.crt', ca.cert, 0o644);
  await savePair('webhooks/tls', webhooks);
  // The name of a service account: RBAC then gives Perdure what `perdure init` grants that account, and no more.
  const perdure = await issueCertificate(ca, {
    commonName: 'system:serviceaccount:perdure-system:perdure',
    usages: ['client'],
  });
  await save('perdure/kubeconfig', kubeconfig('https://kube-apiserver:6443', ca, 'perdure', perdure));
  const admin = await issueCertificate(ca, { commonName: 'admin', organization: 'system:masters', usages: ['client'] });
  await save('admin/ca.crt', ca.cert, 0o644);
  const local = { dns: ['localhost'], ips: ['127.0.0.1'] };
  await savePair(
    'admin/controller-manager',
    await issueCertificate(ca, { commonName: 'kube-controller-manager', usages: ['server'], ...local }),
  );
  await save('admin/kubeconfig', kubeconfig('https://kube-apiserver:6443', ca, 'admin', admin));
  await save('admin/host.kubeconfig', kubeconfig('https://127.0.0.1:6443', ca, 'admin', admin));
}

if (existsSync(done)) {
  process.stdout.write('certificates are there already\n');
} else {
  await makeEtcd();
  await makeKubernetes();
  await save('admin/complete', '');
  process.stdout.write(`certificates are in ${root}\n`);
}
