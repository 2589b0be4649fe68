// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package bridge

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/events-apiserver/events-apiserver/test/cluster/clustertest"
)

// testFlowControl lets an operator give all service accounts a level of priority
// and fairness. A write through events.k8s.io/v1 of one of them holds a seat of it
// until its event is in core/v1, so that mirrored write must not wait for a seat of
// the same level: it has one of its own.
func testFlowControl(t *testing.T, h *Host) {
	const serviceAccounts = "system:serviceaccounts"
	schemas := h.Admin.FlowcontrolV1().FlowSchemas()
	operators, err := schemas.Create(t.Context(), &flowcontrolv1.FlowSchema{
		ObjectMeta: metav1.ObjectMeta{Name: "all-service-accounts"},
		Spec: flowcontrolv1.FlowSchemaSpec{
			PriorityLevelConfiguration: flowcontrolv1.PriorityLevelConfigurationReference{Name: "workload-low"},
			MatchingPrecedence:         1000,
			Rules: []flowcontrolv1.PolicyRulesWithSubjects{{
				Subjects: []flowcontrolv1.Subject{{Kind: flowcontrolv1.SubjectKindGroup, Group: &flowcontrolv1.GroupSubject{Name: serviceAccounts}}},
				ResourceRules: []flowcontrolv1.ResourcePolicyRule{{
					Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"*"}, Namespaces: []string{"*"}, ClusterScope: true,
				}},
			}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := schemas.Delete(context.Background(), operators.Name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	config := rest.CopyConfig(h.Rest)
	config.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:default:other", Groups: []string{serviceAccounts, "system:authenticated"}}
	roundTripper, err := rest.TransportFor(config)
	if err != nil {
		t.Fatal(err)
	}
	another := &client{url: config.Host, http: &http.Client{Transport: roundTripper}}
	clustertest.Eventually(t, "the operator's level to be in force", func(ctx context.Context) error {
		response, err := another.send(ctx, http.MethodGet, coreAPI().path(metav1.NamespaceDefault, ""), nil, "", nil)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if got := schemaOf(response); got != string(operators.UID) {
			return fmt.Errorf("another account's requests are in the flow schema %q, want %q", got, operators.UID)
		}
		return nil
	})
	own, err := schemas.Get(t.Context(), "events-apiserver", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s := h.newNamespace(t, "flow-control")
	mustWrite(t, s, http.MethodPost, eventsAPI(), "", s.event(eventsAPI(), "a"))
	if got := h.proxy.flowSchema(s.namespace); got != string(own.UID) {
		t.Errorf("the mirrored write was in the flow schema %q, want %q", got, own.UID)
	}
}
