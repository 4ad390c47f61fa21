#!/usr/bin/env bash
# Install servers and clients from npm that the tests run, into a folder of their own.
#
#   install-npm.sh FOLDER
#
# What is there already is left alone. Their install scripts are not run: nothing here needs a compiler.
set -euo pipefail
folder=${1:?which folder}
wanted=(statsd@0.9.0 @20minutes/s3rver@5.0.0)

for package in "${wanted[@]}"; do
    name=${package%@*}
    version=${package##*@}
    grep -qs "\"version\": \"$version\"" "$folder/node_modules/$name/package.json" && continue
    mkdir -p "$folder"
    npm install --prefix "$folder" --no-save --no-package-lock --no-audit --no-fund --ignore-scripts --silent \
        "${wanted[@]}"
    break
done
