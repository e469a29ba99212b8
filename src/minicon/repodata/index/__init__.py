"""One subdir on disk: conversion of repodata.json, lookup by name, records, compiled tables."""
