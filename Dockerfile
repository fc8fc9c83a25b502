# Images of docker-compose.yml: `perdure` (default, all of Perdure's processes), `management` (a small management cluster), `emulated-aws`.
ARG NODE_VERSION=22.23.3
ARG PYTHON_VERSION=3.11.13
ARG KUBERNETES_VERSION=v1.34.4

FROM node:${NODE_VERSION}-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/var/cache/npm npm ci --cache /var/cache/npm --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY src src
RUN npm run build \
  && npm prune --omit=dev --no-audit --no-fund \
  # Temporal's native library comes for five platforms; the image needs Linux's.
  && find node_modules/@temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 ! -name '*-unknown-linux-gnu' -exec rm -r {} +

FROM python:${PYTHON_VERSION}-slim-bookworm AS emulated-aws
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PYTHONPATH=/emulator
WORKDIR /emulator
COPY src/sandbox/moto/python/requirements.txt ./
RUN pip install --no-cache-dir --disable-pip-version-check -r requirements.txt
COPY src/sandbox/moto/python ./
RUN useradd --uid 1000 --no-create-home emulator
USER 1000:1000
EXPOSE 5000
# The admin side hands out user data of machines: publish the port on loopback only.
CMD ["python", "-m", "perdure_moto", "--host", "0.0.0.0", "--port", "5000"]

FROM node:${NODE_VERSION}-bookworm-slim AS runtime
ENV NODE_ENV=production
WORKDIR /app
COPY package.json ./
COPY docker docker
# New volumes mounted here take over the owner.
RUN install -d -o node -g node -m 0700 /pki/admin /pki/apiserver /pki/etcd /pki/perdure /pki/webhooks
USER node

FROM registry.k8s.io/kube-apiserver:${KUBERNETES_VERSION} AS kube-apiserver
FROM registry.k8s.io/kube-controller-manager:${KUBERNETES_VERSION} AS kube-controller-manager

# The official images hold nothing that a health check could run.
FROM runtime AS management
COPY --from=kube-apiserver /usr/local/bin/kube-apiserver /usr/local/bin/
COPY --from=kube-controller-manager /usr/local/bin/kube-controller-manager /usr/local/bin/

FROM runtime AS perdure
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
CMD ["node", "dist/cli/main.js", "--help"]
