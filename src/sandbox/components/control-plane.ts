import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import type { Component } from '../component.js';
import type { Endpoints, Layout } from '../layout.js';
import type { SandboxPki } from '../pki.js';
import { accepts } from '../ports.js';

/** GET over TLS with the admin certificate; true for 200. */
export async function tlsOk(url: string, pki: SandboxPki): Promise<boolean> {
  const [ca, cert, key] = await Promise.all([readFile(pki.ca), readFile(pki.admin.cert), readFile(pki.admin.key)]);
  return new Promise((resolve) => {
    const req = request(url, { ca, cert, key, timeout: 2_000 }, (res) => {
      res.resume();
      resolve(res.statusCode === 200);
    });
    req.once('error', () => resolve(false));
    req.once('timeout', () => req.destroy());
    req.end();
  });
}

const portOf = (url: string): string => new URL(url).port;

/** etcd of the management API server, loopback only. Durability is not needed beyond a crash of the process. */
export function etcd(binary: string, layout: Layout, endpoints: Endpoints): Component {
  return {
    name: 'etcd',
    command: binary,
    args: [
      `--name=sandbox`,
      `--data-dir=${layout.etcd}`,
      `--listen-client-urls=${endpoints.etcd}`,
      `--advertise-client-urls=${endpoints.etcd}`,
      `--listen-peer-urls=${endpoints.etcdPeer}`,
      `--initial-advertise-peer-urls=${endpoints.etcdPeer}`,
      `--initial-cluster=sandbox=${endpoints.etcdPeer}`,
      '--unsafe-no-fsync',
      '--log-level=warn',
    ],
    ready: async () => (await fetch(`${endpoints.etcd}/health`)).ok,
    restart: true,
  };
}

/** The management API server: TLS, RBAC, admission webhooks reachable on loopback. */
export function apiServer(binary: string, pki: SandboxPki, endpoints: Endpoints): Component {
  return {
    name: 'kube-apiserver',
    command: binary,
    args: [
      `--etcd-servers=${endpoints.etcd}`,
      '--bind-address=127.0.0.1',
      '--advertise-address=127.0.0.1',
      '--endpoint-reconciler-type=none',
      `--secure-port=${portOf(endpoints.apiServer)}`,
      `--client-ca-file=${pki.ca}`,
      `--tls-cert-file=${pki.apiServer.cert}`,
      `--tls-private-key-file=${pki.apiServer.key}`,
      `--service-account-key-file=${pki.serviceAccount.cert}`,
      `--service-account-signing-key-file=${pki.serviceAccount.key}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      '--service-cluster-ip-range=10.95.0.0/24',
      '--authorization-mode=RBAC',
      '--enable-admission-plugins=NamespaceLifecycle,MutatingAdmissionWebhook,ValidatingAdmissionWebhook,ValidatingAdmissionPolicy',
      '--disable-admission-plugins=ServiceAccount,PodSecurity',
      '--watch-cache=true',
      '--profiling=false',
      '--v=1',
    ],
    ready: () => tlsOk(`${endpoints.apiServer}/readyz`, pki),
    restart: true,
  };
}

/** Only the loops Cluster API relies on: garbage collection by ownerReferences and namespace deletion. */
export function controllerManager(binary: string, kubeconfig: string, port: number): Component {
  return {
    name: 'kube-controller-manager',
    command: binary,
    args: [
      `--kubeconfig=${kubeconfig}`,
      '--controllers=garbage-collector-controller,namespace-controller',
      '--leader-elect=false',
      '--bind-address=127.0.0.1',
      `--secure-port=${port}`,
      '--kube-api-qps=100',
      '--kube-api-burst=200',
      '--concurrent-gc-syncs=4',
      '--v=1',
    ],
    ready: () => accepts(`127.0.0.1:${port}`),
    restart: true,
  };
}
