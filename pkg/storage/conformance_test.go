// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"errors"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apiserver/pkg/storage"
	storagetesting "k8s.io/apiserver/pkg/storage/testing"
)

// The tests and benchmarks of this file run all runners of
// k8s.io/apiserver/pkg/storage/testing against the store, each under its name.
// TestConformanceIsComplete fails if one is missing.

// runner is one of these runners with what it needs.
type runner struct {
	name string
	run  func(t *testing.T, f *fixture)
	// adjust changes the config of the store that it runs against.
	adjust []func(*Config)
}

func (r runner) start(t *testing.T) {
	t.Helper()
	r.run(t, newFixture(t, r.adjust...))
}

// plain returns a runner that needs the store only.
func plain(name string, run func(t *testing.T, store storage.Interface)) runner {
	return runner{name: name, run: func(t *testing.T, f *fixture) {
		t.Helper()
		run(t, f.store)
	}}
}

func TestConformanceWrite(t *testing.T) {
	t.Parallel()
	for _, r := range writeRunners() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			r.start(t)
		})
	}
}

func writeRunners() []runner {
	return []runner{
		{name: "Create", run: func(t *testing.T, f *fixture) {
			storagetesting.RunTestCreate(t.Context(), t, f.store, f.checkStored)
		}},
		plain("CreateWithTTL", func(t *testing.T, s storage.Interface) {
			storagetesting.RunTestCreateWithTTL(t.Context(), t, s)
		}),
		plain("CreateWithKeyExist", func(t *testing.T, s storage.Interface) {
			storagetesting.RunTestCreateWithKeyExist(t.Context(), t, s)
		}),
		{name: "GuaranteedUpdate", run: func(t *testing.T, f *fixture) {
			storagetesting.RunTestGuaranteedUpdate(t.Context(), t, f.switchable(), f.checkStored)
		}},
		plain("GuaranteedUpdateWithTTL", func(t *testing.T, s storage.Interface) {
			storagetesting.RunTestGuaranteedUpdateWithTTL(t.Context(), t, s)
		}),
		{name: "GuaranteedUpdateChecksStoredData", run: func(t *testing.T, f *fixture) {
			storagetesting.RunTestGuaranteedUpdateChecksStoredData(t.Context(), t, f.switchable())
		}},
		plain("GuaranteedUpdateWithConflict", func(t *testing.T, s storage.Interface) {
			storagetesting.RunTestGuaranteedUpdateWithConflict(t.Context(), t, s)
		}),
		plain("GuaranteedUpdateWithSuggestionAndConflict", func(t *testing.T, s storage.Interface) {
			storagetesting.RunTestGuaranteedUpdateWithSuggestionAndConflict(t.Context(), t, s)
		}),
		{name: "TransformationFailure", run: func(t *testing.T, f *fixture) {
			storagetesting.RunTestTransformationFailure(t.Context(), t, f.switchable())
		}},
		plain("KeySchema", func(t *testing.T, s storage.Interface) {
			storagetesting.RunTestKeySchema(t.Context(), t, s)
		}),
	}
}

func TestConformanceDelete(t *testing.T) {
	t.Parallel()
	for _, r := range deleteRunners() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			r.start(t)
		})
	}
}

func deleteRunners() []runner {
	return []runner{
		plain("UnconditionalDelete", func(t *testing.T, s storage.Interface) {
			storagetesting.RunTestUnconditionalDelete(t.Context(), t, s)
		}),
		plain("ConditionalDelete", func(t *testing.T, s storage.Interface) {
			storagetesting.RunTestConditionalDelete(t.Context(), t, s)
		}),
		plain("DeleteWithSuggestion", func(t *testing.T, s storage.Interface) {
			storagetesting.RunTestDeleteWithSuggestion(t.Context(), t, s)
		}),
		plain("DeleteWithSuggestionAndConflict", func(t *testing.T, s storage.Interface) {
			storagetesting.RunTestDeleteWithSuggestionAndConflict(t.Context(), t, s)
		}),
		plain("DeleteWithConflict", func(t *testing.T, s storage.Interface) {
			storagetesting.RunTestDeleteWithConflict(t.Context(), t, s)
		}),
		plain("DeleteWithSuggestionOfDeletedObject", func(t *testing.T, s storage.Interface) {
			storagetesting.RunTestDeleteWithSuggestionOfDeletedObject(t.Context(), t, s)
		}),
		plain("ValidateDeletionWithSuggestion", func(t *testing.T, s storage.Interface) {
			storagetesting.RunTestValidateDeletionWithSuggestion(t.Context(), t, s)
		}),
		plain("ValidateDeletionWithOnlySuggestionValid", func(t *testing.T, s storage.Interface) {
			storagetesting.RunTestValidateDeletionWithOnlySuggestionValid(t.Context(), t, s)
		}),
		plain("PreconditionalDeleteWithSuggestion", func(t *testing.T, s storage.Interface) {
			storagetesting.RunTestPreconditionalDeleteWithSuggestion(t.Context(), t, s)
		}),
		plain("PreconditionalDeleteWithOnlySuggestionPass", func(t *testing.T, s storage.Interface) {
			storagetesting.RunTestPreconditionalDeleteWithOnlySuggestionPass(t.Context(), t, s)
		}),
	}
}

// TestConformanceUnsafeDelete runs the runners about corrupt objects.
func TestConformanceUnsafeDelete(t *testing.T) {
	t.Parallel()
	t.Run("DeleteWithConflictAndMissingExpectedTransformOrDecodeError", func(t *testing.T) {
		t.Parallel()
		codec := &failingCodec{Codec: podCodec(t)}
		f := newFixture(t, allowUnsafeDelete, func(config *Config) { config.Codec = codec })
		storagetesting.RunTestDeleteWithConflictAndMissingExpectedTransformOrDecodeError(t.Context(), t, f.store, codec.on.Store)
	})
	t.Run("DeleteExpectedTransformOrDecodeError/decode", func(t *testing.T) {
		t.Parallel()
		codec := &failingCodec{Codec: podCodec(t)}
		f := newFixture(t, allowUnsafeDelete, func(config *Config) { config.Codec = codec })
		storagetesting.RunTestDeleteExpectedTransformOrDecodeError(t.Context(), t, f.store, codec.on.Store)
	})
	t.Run("DeleteExpectedTransformOrDecodeError/transform", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t, allowUnsafeDelete)
		transformer := &failingTransformer{Transformer: f.transformer.get()}
		f.transformer.set(transformer)
		storagetesting.RunTestDeleteExpectedTransformOrDecodeError(t.Context(), t, f.store, transformer.on.Store)
	})
	for _, r := range unsafeDeleteRunners() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			r.start(t)
		})
	}
}

func unsafeDeleteRunners() []runner {
	return []runner{
		{name: "DeleteWithSuggestionAndMissingExpectedTransformOrDecodeError", adjust: []func(*Config){allowUnsafeDelete}, run: func(t *testing.T, f *fixture) {
			storagetesting.RunTestDeleteWithSuggestionAndMissingExpectedTransformOrDecodeError(t.Context(), t, f.store)
		}},
		{name: "GetListWithErrorAggregation", adjust: []func(*Config){allowUnsafeDelete}, run: func(t *testing.T, f *fixture) {
			store := &switchable{unsafeDeleter{f.store}, f.transformer}
			storagetesting.RunTestGetListWithErrorAggregation(t.Context(), t, store, flippedBits())
		}},
		{name: "GetListWithoutErrorAggregation", run: func(t *testing.T, f *fixture) {
			storagetesting.RunTestGetListWithoutErrorAggregation(t.Context(), t, f.switchable(), flippedBits())
		}},
		{name: "WatchWithUnsafeDelete", adjust: []func(*Config){allowUnsafeDelete}, run: func(t *testing.T, f *fixture) {
			storagetesting.RunTestWatchWithUnsafeDelete(t.Context(), t, f.switchable(), flippedBits())
		}},
	}
}

func flippedBits() error {
	return &corruptError{what: untransformable, err: errors.New("bits flipped")}
}

// TestConformanceGet reads an object with a time to live of a second in parallel
// subtests. It is not parallel itself, as they would then begin too late.
func TestConformanceGet(t *testing.T) {
	storagetesting.RunTestGet(t.Context(), t, newFixture(t).store)
}

func TestConformanceRead(t *testing.T) {
	t.Parallel()
	for _, r := range readRunners() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			r.start(t)
		})
	}
}

func readRunners() []runner {
	return []runner{
		{name: "List", run: func(t *testing.T, f *fixture) {
			storagetesting.RunTestList(t.Context(), t, f.store, f.compact, false, nil)
		}},
		{name: "ConsistentList", run: func(t *testing.T, f *fixture) {
			storagetesting.RunTestConsistentList(t.Context(), t, f.store, f.increaseRevision, false, true, false)
		}},
		{name: "GetListNonRecursive", run: func(t *testing.T, f *fixture) {
			storagetesting.RunTestGetListNonRecursive(t.Context(), t, f.increaseRevision, f.store)
		}},
		plain("GetListRecursivePrefix", func(t *testing.T, s storage.Interface) {
			storagetesting.RunTestGetListRecursivePrefix(t.Context(), t, s)
		}),
		{name: "ListContinuation", run: func(t *testing.T, f *fixture) {
			storagetesting.RunTestListContinuation(t.Context(), t, f.store, f.checkReads(t))
		}},
		{name: "ListPaginationRareObject", run: func(t *testing.T, f *fixture) {
			storagetesting.RunTestListPaginationRareObject(t.Context(), t, f.store, f.checkReads(t))
		}},
		{name: "ListContinuationWithFilter", run: func(t *testing.T, f *fixture) {
			storagetesting.RunTestListContinuationWithFilter(t.Context(), t, f.store, f.checkReads(t))
		}},
		{name: "ListInconsistentContinuation", run: func(t *testing.T, f *fixture) {
			storagetesting.RunTestListInconsistentContinuation(t.Context(), t, f.store, f.compact)
		}},
		{name: "ListResourceVersionMatch", run: func(t *testing.T, f *fixture) {
			storagetesting.RunTestListResourceVersionMatch(t.Context(), t, f.switchable())
		}},
		plain("ListPaging", func(t *testing.T, s storage.Interface) { storagetesting.RunTestListPaging(t.Context(), t, s) }),
		plain("NamespaceScopedList", func(t *testing.T, s storage.Interface) {
			storagetesting.RunTestNamespaceScopedList(t.Context(), t, s)
		}),
		{name: "NamespaceScopedList/indexed", adjust: []func(*Config){indexedByNode}, run: func(t *testing.T, f *fixture) {
			storagetesting.RunTestNamespaceScopedList(t.Context(), t, f.store)
		}},
		{name: "CompactRevision", run: func(t *testing.T, f *fixture) {
			storagetesting.RunTestCompactRevision(t.Context(), t, f.store, f.increaseRevision, f.compact)
		}},
		{name: "Stats/count", run: func(t *testing.T, f *fixture) {
			storagetesting.RunTestStats(t.Context(), t, f.store, f.codec, f.transformer, false)
		}},
		{name: "Stats/size", run: func(t *testing.T, f *fixture) {
			if err := f.store.EnableResourceSizeEstimation(noKeys); err != nil {
				t.Fatal(err)
			}
			storagetesting.RunTestStats(t.Context(), t, f.store, f.codec, f.transformer, true)
		}},
	}
}

func TestConformanceWatch(t *testing.T) {
	t.Parallel()
	for _, r := range watchRunners() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			r.start(t)
		})
	}
}

func watchRunners() []runner {
	return []runner{
		plain("Watch", func(t *testing.T, s storage.Interface) { storagetesting.RunTestWatch(t.Context(), t, s) }),
		{name: "WatchFromZero", run: func(t *testing.T, f *fixture) {
			storagetesting.RunTestWatchFromZero(t.Context(), t, f.store, f.compact)
		}},
		plain("DeleteTriggerWatch", func(t *testing.T, s storage.Interface) {
			storagetesting.RunTestDeleteTriggerWatch(t.Context(), t, s)
		}),
		plain("WatchFromNonZero", func(t *testing.T, s storage.Interface) {
			storagetesting.RunTestWatchFromNonZero(t.Context(), t, s)
		}),
		plain("DelayedWatchDelivery", func(t *testing.T, s storage.Interface) {
			storagetesting.RunTestDelayedWatchDelivery(t.Context(), t, s)
		}),
		{name: "WatchError", run: func(t *testing.T, f *fixture) {
			storagetesting.RunTestWatchError(t.Context(), t, f.switchable())
		}},
		plain("WatchContextCancel", func(t *testing.T, s storage.Interface) {
			storagetesting.RunTestWatchContextCancel(t.Context(), t, s)
		}),
		plain("WatcherTimeout", func(t *testing.T, s storage.Interface) {
			storagetesting.RunTestWatcherTimeout(t.Context(), t, s)
		}),
		plain("WatchDeleteEventObjectHaveLatestRV", func(t *testing.T, s storage.Interface) {
			storagetesting.RunTestWatchDeleteEventObjectHaveLatestRV(t.Context(), t, s)
		}),
		plain("WatchInitializationSignal", func(t *testing.T, s storage.Interface) {
			storagetesting.RunTestWatchInitializationSignal(t.Context(), t, s)
		}),
		{name: "ProgressNotify", adjust: []func(*Config){frequentBookmarks}, run: func(t *testing.T, f *fixture) {
			storagetesting.RunOptionalTestProgressNotify(t.Context(), t, f.store, f.increaseRevision)
		}},
		plain("ClusterScopedWatch", func(t *testing.T, s storage.Interface) {
			storagetesting.RunTestClusterScopedWatch(t.Context(), t, s)
		}),
		plain("NamespaceScopedWatch", func(t *testing.T, s storage.Interface) {
			storagetesting.RunTestNamespaceScopedWatch(t.Context(), t, s)
		}),
		{name: "NamespaceScopedWatch/pinned", adjust: []func(*Config){indexedByNode}, run: func(t *testing.T, f *fixture) {
			storagetesting.RunTestNamespaceScopedWatch(t.Context(), t, f.store)
		}},
		plain("WatchDispatchBookmarkEvents", func(t *testing.T, s storage.Interface) {
			storagetesting.RunTestWatchDispatchBookmarkEvents(t.Context(), t, s, true)
		}),
		{name: "WatchBookmarksWithCorrectResourceVersion", adjust: []func(*Config){frequentBookmarks}, run: func(t *testing.T, f *fixture) {
			storagetesting.RunTestOptionalWatchBookmarksWithCorrectResourceVersion(t.Context(), t, f.store)
		}},
		{name: "WatchErrorIsBlockingFurtherEvents", run: func(t *testing.T, f *fixture) {
			storagetesting.RunWatchErrorIsBlockingFurtherEvents(t.Context(), t, f.switchable())
		}},
	}
}

// TestConformanceWatchList runs the runners that set feature gates, which are global.
func TestConformanceWatchList(t *testing.T) {
	for _, r := range []runner{
		{name: "SendInitialEventsBackwardCompatibility", run: func(t *testing.T, f *fixture) {
			storagetesting.RunSendInitialEventsBackwardCompatibility(t.Context(), t, f.store)
		}},
		{name: "WatchSemantics", run: func(t *testing.T, f *fixture) {
			storagetesting.RunWatchSemantics(t.Context(), t, f.store)
		}},
		{name: "WatchSemanticInitialEventsExtended", run: func(t *testing.T, f *fixture) {
			storagetesting.RunWatchSemanticInitialEventsExtended(t.Context(), t, f.store)
		}},
		{name: "WatchListMatchSingle", run: func(t *testing.T, f *fixture) {
			storagetesting.RunWatchListMatchSingle(t.Context(), t, f.store)
		}},
	} {
		t.Run(r.name, r.start)
	}
}

func BenchmarkConformance(b *testing.B) {
	const namespaces, podsEach, nodes = 50, 200, 500
	start := func(b *testing.B) (*fixture, storagetesting.BenchmarkData) {
		b.Helper()
		f := newFixture(b, indexedByNode)
		return f, storagetesting.PrepareBenchmarkData(namespaces, podsEach, nodes)
	}
	b.Run("WriteThroughput", func(b *testing.B) {
		f, data := start(b)
		storagetesting.RunBenchmarkWriteThroughput(b.Context(), b, f.store, data, true, nil)
	})
	for _, useIndex := range []bool{false, true} {
		name := map[bool]string{false: "StoreList", true: "StoreList/indexed"}[useIndex]
		b.Run(name, func(b *testing.B) {
			f, data := start(b)
			if err := storagetesting.PrecreateBenchmarkPods(b.Context(), f.store, data); err != nil {
				b.Fatal(err)
			}
			storagetesting.RunBenchmarkStoreList(b.Context(), b, f.store, data, useIndex)
		})
	}
	b.Run("StoreStats", func(b *testing.B) {
		f, data := start(b)
		if err := storagetesting.PrecreateBenchmarkPods(b.Context(), f.store, data); err != nil {
			b.Fatal(err)
		}
		storagetesting.RunBenchmarkStoreStats(b.Context(), b, f.store)
	})
}

// TestConformanceIsComplete compares the runners of the package with the calls in this
// file, so that runners which a new version of k8s.io/apiserver adds are not missed.
func TestConformanceIsComplete(t *testing.T) {
	t.Parallel()
	called := calledRunners(t, "conformance_test.go")
	for _, name := range existingRunners(t) {
		if !called[name] {
			t.Errorf("%s is not run", name)
		}
	}
}

func existingRunners(t *testing.T) []string {
	t.Helper()
	pkg, err := build.Default.Import("k8s.io/apiserver/pkg/storage/testing", ".", build.FindOnly)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(pkg.Dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		for _, declaration := range parse(t, file).Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if ok && function.Recv == nil && strings.HasPrefix(function.Name.Name, "Run") {
				names = append(names, function.Name.Name)
			}
		}
	}
	if len(names) < 60 {
		t.Fatalf("found %d runners in %s; there were 63 when this test was written", len(names), pkg.Dir)
	}
	return names
}

func calledRunners(t *testing.T, file string) map[string]bool {
	t.Helper()
	called := map[string]bool{}
	ast.Inspect(parse(t, file), func(node ast.Node) bool {
		if selector, ok := node.(*ast.SelectorExpr); ok {
			called[selector.Sel.Name] = true
		}
		return true
	})
	return called
}

func parse(t *testing.T, file string) *ast.File {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), file, source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}
