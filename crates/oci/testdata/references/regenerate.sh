#!/bin/sh
# Writes references.jsonl from inputs.txt; main.go says what is in it.
#
# Needs Go and, below $GOPATH/src, the sources of github.com/distribution/reference v0.6.0 and
# github.com/opencontainers/go-digest v1.0.0. Debian 13 has them as golang-github-distribution-reference-dev,
# which puts them where GOPATH points if it is not set.
set -eu

cd "$(dirname "$0")"
: "${GOPATH:=/usr/share/gocode}"
export GOPATH GO111MODULE=off

trap 'rm -f references.jsonl.new' EXIT
go run main.go <inputs.txt >references.jsonl.new
mv references.jsonl.new references.jsonl
