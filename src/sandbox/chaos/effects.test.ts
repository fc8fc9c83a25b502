import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { EC2 } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Pool } from 'undici';
import { ChaosControl } from './boundary.js';
import { cloudEffect, etcdEffect, kubeEffect, watchEffects, withinActivity } from './effects.js';

describe('what a call changes', () => {
  test.each([
    ['GET', '/api/v1/nodes', undefined],
    ['POST', '/apis/cluster.x-k8s.io/v1beta2/namespaces/a/machines?fieldManager=x', 'post.machines'],
    ['PATCH', '/apis/cluster.x-k8s.io/v1beta2/namespaces/a/machines/m/status?force=true', 'patch.machines.status'],
    ['DELETE', '/apis/cluster.x-k8s.io/v1beta2/namespaces/a/machines/m', 'delete.machines'],
    ['PATCH', '/api/v1/nodes/n', 'patch.nodes'],
    ['POST', '/api/v1/namespaces', 'post.namespaces'],
    ['PATCH', '/api/v1/namespaces/a', 'patch.namespaces'],
    ['POST', '/api/v1/namespaces/a/pods/p/eviction', 'post.pods.eviction'],
    ['POST', '/api/v1/namespaces/kube-system/pods/etcd-n/portforward?ports=2379', undefined],
    ['POST', '/token', undefined],
  ])('%s %s: %s', (method, at, effect) => {
    expect(kubeEffect(method, at)).toBe(effect);
  });

  test.each([
    ['DescribeInstancesCommand', undefined],
    ['GetSecretValueCommand', undefined],
    ['RunInstancesCommand', 'aws.RunInstances'],
    ['TerminateInstancesCommand', 'aws.TerminateInstances'],
  ])('%s: %s', (command, effect) => {
    expect(cloudEffect(command)).toBe(effect);
  });
});

describe('what a call of etcd changes', () => {
  test.each([
    ['/etcdserverpb.Cluster/MemberList', undefined],
    ['/etcdserverpb.Maintenance/Status', undefined],
    ['/etcdserverpb.Cluster/MemberRemove', 'etcd.MemberRemove'],
    ['/etcdserverpb.Maintenance/MoveLeader', 'etcd.MoveLeader'],
    ['/grpc.health.v1.Health/Check', undefined],
  ])('%s: %s', (at, effect) => {
    expect(etcdEffect(at)).toBe(effect);
  });
});

describe('an activity that changes something', () => {
  let dir: string;
  let server: Server;
  let control: ChaosControl;
  let origin: string;
  const seenByServer: string[][] = [];
  const points = (): string[] => control.journal('a').map((p) => p.point);

  beforeAll(async () => {
    dir = mkdtempSync(path.join(tmpdir(), 'perdure-chaos-'));
    control = new ChaosControl(dir);
    control.phase('a', 'upgrade');
    watchEffects(dir);
    server = createServer((request, response) => {
      const kube = request.url?.startsWith('/apis') ?? false;
      if (kube) seenByServer.push(points());
      response.end(kube ? '{}' : '<TerminateInstancesResponse/>');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterAll(async () => {
    await new Promise((resolve) => server.close(resolve));
    rmSync(dir, { recursive: true, force: true });
  });

  test('passes a boundary before the API server is asked and another when it has answered', async () => {
    const pool = new Pool(origin);
    const ask = async (method: 'GET' | 'DELETE'): Promise<void> => {
      const answer = await pool.request({ method, path: '/apis/cluster.x-k8s.io/v1beta2/namespaces/a/machines/m' });
      await answer.body.text();
    };
    await ask('DELETE'); // nobody's
    await withinActivity({ namespace: 'a', name: 'removeMachine' }, async () => {
      await ask('GET');
      await ask('DELETE');
    });
    await pool.close();
    const before = 'upgrade/removeMachine>delete.machines:before';
    expect(points()).toEqual([before, 'upgrade/removeMachine>delete.machines:after']);
    expect(seenByServer).toEqual([[], [], [before]]);
  });

  test('and so for the cloud', async () => {
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    const ec2 = new EC2({ region: 'us-east-1', endpoint: origin, credentials, maxAttempts: 1 });
    const from = points().length;
    await withinActivity({ namespace: 'a', name: 'machineDelete' }, async () => {
      await ec2.describeInstances({}).catch(() => undefined);
      await ec2.terminateInstances({ InstanceIds: ['i-1'] });
    });
    ec2.destroy();
    expect(points().slice(from)).toEqual([
      'upgrade/machineDelete>aws.TerminateInstances:before',
      'upgrade/machineDelete>aws.TerminateInstances:after',
    ]);
  });

  test('and so for etcd', async () => {
    const etcd = http2.createServer();
    etcd.on('stream', (stream) => {
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end();
    });
    await new Promise<void>((resolve) => etcd.listen(0, '127.0.0.1', resolve));
    const from = points().length;
    await withinActivity({ namespace: 'a', name: 'removeMember' }, async () => {
      const session = http2.connect(`http://127.0.0.1:${(etcd.address() as AddressInfo).port}`);
      for (const method of ['MemberList', 'MemberRemove']) {
        const stream = session.request({ ':method': 'POST', ':path': `/etcdserverpb.Cluster/${method}` });
        stream.resume();
        await new Promise((resolve) => stream.once('close', resolve));
      }
      await new Promise<void>((resolve) => session.close(resolve));
    });
    await new Promise((resolve) => etcd.close(resolve));
    expect(points().slice(from)).toEqual([
      'upgrade/removeMember>etcd.MemberRemove:before',
      'upgrade/removeMember>etcd.MemberRemove:after',
    ]);
  });
});
