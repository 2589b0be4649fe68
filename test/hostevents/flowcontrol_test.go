// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package hostevents

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/events-apiserver/events-apiserver/test/cluster"
)

// serviceAccounts is the group of all service accounts, the server's too.
const serviceAccounts = "system:serviceaccounts"

// stalled is how many times as long as the built-in a load takes that waits for its
// own seats, at least.
const stalled = 8

// TestFlowControl gives all service accounts a priority level with three seats, as
// an operator may, and lets one of them write many events at once. Without a level
// for the server's own requests each write would wait for a seat that writes like
// it hold, forty times as long as kube-apiserver takes. With it, the three is what
// a mirrored write costs on two cores; the bound leaves room for a busy machine.
func TestFlowControl(t *testing.T) {
	s := start(t, cluster.StoreEmbedded)
	const account = "system:serviceaccount:default:busy"
	s.letWriteEvents(t, serviceAccounts)
	s.threeSeats(t, account)
	ours := s.fastest(t, account, "flow-ours")
	if err := s.GiveBack(t.Context()); err != nil {
		t.Fatal(err)
	}
	builtIn := s.fastest(t, account, "flow-built-in")
	t.Logf("ours %s, the built-in %s", ours, builtIn)
	if ours > stalled*builtIn {
		t.Errorf("ours takes %s, the built-in %s: want less than %d times that", ours, builtIn, stalled)
	}
}

// threeSeats makes the level, and waits until requests of the account get into it.
func (s *suite) threeSeats(t *testing.T, account string) {
	t.Helper()
	const name = "three-seats"
	level := &flowcontrolv1.PriorityLevelConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: flowcontrolv1.PriorityLevelConfigurationSpec{
			Type: flowcontrolv1.PriorityLevelEnablementLimited,
			Limited: &flowcontrolv1.LimitedPriorityLevelConfiguration{
				// Of 600 seats that all levels share by some 290 shares.
				NominalConcurrencyShares: new(int32(1)),
				BorrowingLimitPercent:    new(int32(0)),
				LimitResponse: flowcontrolv1.LimitResponse{
					Type:    flowcontrolv1.LimitResponseTypeQueue,
					Queuing: &flowcontrolv1.QueuingConfiguration{Queues: 64, HandSize: 8, QueueLengthLimit: 100},
				},
			},
		},
	}
	if _, err := s.admin.FlowcontrolV1().PriorityLevelConfigurations().Create(t.Context(), level, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	schema := &flowcontrolv1.FlowSchema{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: flowcontrolv1.FlowSchemaSpec{
			PriorityLevelConfiguration: flowcontrolv1.PriorityLevelConfigurationReference{Name: name},
			MatchingPrecedence:         1000,
			DistinguisherMethod:        &flowcontrolv1.FlowDistinguisherMethod{Type: flowcontrolv1.FlowDistinguisherMethodByUserType},
			Rules: []flowcontrolv1.PolicyRulesWithSubjects{{
				Subjects: []flowcontrolv1.Subject{{Kind: flowcontrolv1.SubjectKindGroup, Group: &flowcontrolv1.GroupSubject{Name: serviceAccounts}}},
				ResourceRules: []flowcontrolv1.ResourcePolicyRule{{
					Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"*"}, Namespaces: []string{"*"}, ClusterScope: true,
				}},
			}},
		},
	}
	made, err := s.admin.FlowcontrolV1().FlowSchemas().Create(t.Context(), schema, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	config := s.userConfig(t, account, serviceAccounts, "system:authenticated")
	seen := &flowSchemaSeen{}
	config.WrapTransport = seen.wrap
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "requests to get into the level", func(ctx context.Context) error {
		if _, err := client.CoreV1().Events(metav1.NamespaceDefault).List(ctx, metav1.ListOptions{}); err != nil {
			return err
		}
		if got := seen.get(); got != string(made.UID) {
			return fmt.Errorf("they are in the flow schema %q, want %q", got, made.UID)
		}
		return nil
	})
}

// flowSchemaSeen notes which flow schema the last answer names.
type flowSchemaSeen struct {
	mutex sync.Mutex
	last  string
}

func (f *flowSchemaSeen) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		response, err := next.RoundTrip(request)
		if err == nil {
			f.mutex.Lock()
			defer f.mutex.Unlock()
			f.last = response.Header.Get(flowcontrolv1.ResponseHeaderMatchedFlowSchemaUID)
		}
		return response, err
	})
}

func (f *flowSchemaSeen) get() string {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.last
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (r roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }

// fastest is the shortest of three times that 200 creates at once take.
func (s *suite) fastest(t *testing.T, account, namespace string) time.Duration {
	t.Helper()
	client := s.asOf(t, account, serviceAccounts, "system:authenticated")
	s.makeNamespace(t, namespace)
	const rounds, n = 3, 200
	shortest := time.Duration(0)
	for round := range rounds {
		errs := make([]error, n)
		var writing sync.WaitGroup
		begun := time.Now()
		for i := range n {
			writing.Go(func() {
				_, errs[i] = client.EventsV1().Events(namespace).Create(t.Context(), newOurs(namespace, fmt.Sprintf("e-%d-%d", round, i)), metav1.CreateOptions{})
			})
		}
		writing.Wait()
		took := time.Since(begun)
		t.Logf("%s: %d creates in %s", namespace, n, took)
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		if shortest == 0 || took < shortest {
			shortest = took
		}
	}
	return shortest
}
