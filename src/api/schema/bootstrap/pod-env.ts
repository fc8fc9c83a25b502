import { flag, intOrString, obj, text } from '../lib.js';

/** corev1.EnvVar, with its sources. The same in every version of the kubeadm kinds. */

const QUANTITY =
  '^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$';

function keyRef(what: string) {
  return obj(
    `A key of a ${what}.`,
    { key: text('The key.') },
    {
      name: text(`Name of the ${what}.`, { default: '' }),
      optional: flag(`Whether the ${what} or its key may be missing.`),
    },
    { mapType: 'atomic' },
  );
}

function valueSource() {
  return obj(
    'Where the value comes from; excludes value.',
    {},
    {
      configMapKeyRef: keyRef('ConfigMap'),
      fieldRef: obj(
        'A field of the Pod.',
        { fieldPath: text('Path of the field.') },
        { apiVersion: text('Version the path is written for; default v1.') },
        { mapType: 'atomic' },
      ),
      fileKeyRef: obj(
        'A key of a file in a volume.',
        {
          key: text('Key in the file.'),
          path: text('Path in the volume.'),
          volumeName: text('Name of the volume.'),
        },
        { optional: flag('Whether the file or its key may be missing.', { default: false }) },
        { mapType: 'atomic' },
      ),
      resourceFieldRef: obj(
        'A resource of a container.',
        { resource: text('The resource, e.g. limits.cpu.') },
        {
          containerName: text('Name of the container.'),
          divisor: intOrString('Unit of the value; default 1.', { pattern: QUANTITY }),
        },
        { mapType: 'atomic' },
      ),
      secretKeyRef: keyRef('Secret'),
    },
  );
}

export function envVar() {
  return obj(
    'An environment variable.',
    { name: text('Name of the variable.') },
    { value: text('Value; may use $(OTHER) of variables before it.'), valueFrom: valueSource() },
  );
}
