#!/usr/bin/env bash
# Builds the image, runs it read-only, without capabilities and without a network, links a mention
# and stops it: `make test-docker`.
#
# No image is pulled. The base images are made of Debian packages, and crates and ONNX Runtime are
# in the build context. Needs a Docker engine, debootstrap and root, and takes some minutes. Without
# an engine the test is skipped.
set -euo pipefail
cd "$(dirname "$0")/../.."

if ! docker info >/dev/null 2>&1; then
  echo "skipped: no Docker engine answers here"
  exit 0
fi
command -v debootstrap >/dev/null || { echo "debootstrap is missing: apt-get install debootstrap"; exit 1; }

work=${SAPLINK_DOCKER_WORK:-$(mktemp -d)}
suite=bookworm
tag=saplink:test
# A unique name, so that two tests can run at the same time.
name=saplink-test-$$
trap 'docker rm -f "$name" >/dev/null 2>&1 || true' EXIT

if ! docker image inspect saplink-test/build >/dev/null 2>&1; then
  echo "making the base image of the build"
  [ -d "$work/build/usr" ] || debootstrap --variant=minbase --include=gcc,libc6-dev,make,python3,ca-certificates "$suite" "$work/build" >"$work/debootstrap.log"
  toolchain=$(rustc --print sysroot)
  mkdir -p "$work/build/usr/local/rust"
  cp -r "$toolchain"/bin "$toolchain"/lib "$work/build/usr/local/rust/"
  tar -C "$work/build" -c . | docker import --change 'ENV PATH=/usr/local/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' - saplink-test/build >/dev/null
fi
if ! docker image inspect saplink-test/base >/dev/null 2>&1; then
  echo "making the base image: the C and C++ libraries"
  mkdir -p "$work/debs" "$work/base"
  (cd "$work/debs" && apt-get download -q libc6 libgcc-s1 gcc-12-base libstdc++6 >/dev/null)
  for deb in "$work"/debs/*.deb; do dpkg -x "$deb" "$work/base"; done
  rm -rf "$work/base/usr/share"
  tar -C "$work/base" -c . | docker import - saplink-test/base >/dev/null
fi

echo "building"
context=$work/context
rm -rf "$context"
mkdir -p "$context"
git ls-files -z | tar --null -T - -c | tar -C "$context" -x
cp -r .onnxruntime "$context/"
mkdir -p "$context/.cargo"
(cd "$context" && cargo vendor --locked --quiet vendor >/dev/null)
cat >"$context/.cargo/config.toml" <<'END'
[source.crates-io]
replace-with = "vendored"

[source.vendored]
directory = "vendor"
END
DOCKER_BUILDKIT=0 docker build --network none -q -t "$tag" -f docker/Dockerfile \
  --build-arg BUILD_IMAGE=saplink-test/build --build-arg BASE_IMAGE=saplink-test/base "$context"
docker image inspect --format 'the image has {{.Size}} bytes' "$tag"

echo "running"
if docker run --rm --read-only --user 10001:10001 "$tag" 2>/dev/null; then
  echo "the service started on all addresses without tokens"; exit 1
fi
docker run -d --name "$name" --read-only --user 10001:10001 --cap-drop ALL --security-opt no-new-privileges --network none \
  -e SAPLINK_INSECURE=1 "$tag" >/dev/null
for _ in $(seq 100); do
  docker exec "$name" /opt/saplink/saplink health >/dev/null 2>&1 && break
  sleep 0.2
done
docker exec "$name" /opt/saplink/saplink health
for _ in $(seq 100); do
  [ "$(docker inspect --format '{{.State.Health.Status}}' "$name")" = healthy ] && break
  sleep 0.2
done
[ "$(docker inspect --format '{{.State.Health.Status}}' "$name")" = healthy ] || { echo "the health check fails"; exit 1; }
if docker exec "$name" /bin/sh -c true 2>/dev/null; then echo "the image has a shell"; exit 1; fi

# The container has no published port: send the request from its network namespace.
process=$(docker inspect --format '{{.State.Pid}}' "$name")
answer=$(nsenter --target "$process" --net curl -sS http://127.0.0.1:8080/link -H 'content-type: application/json' -d '{"mention": "heart attack", "top_k": 1}')
echo "$answer"
case $answer in *'"cui":"C0027051"'*) ;; *) echo "heart attack was not linked"; exit 1 ;; esac

docker stop -t 30 "$name" >/dev/null
code=$(docker inspect --format '{{.State.ExitCode}}' "$name")
[ "$code" = 0 ] || { echo "the service exited with $code"; docker logs "$name"; exit 1; }
docker logs "$name" 2>&1 | tail -n 2
echo "built, run and stopped"
