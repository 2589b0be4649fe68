// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	eventsclient "k8s.io/client-go/kubernetes/typed/events/v1"
)

const fieldManager = "crash"

// kind is one kind of request: how often it is chosen, and what makes it.
type kind struct {
	weight int
	make   func(*writer, key, *holding) (*request, error)
}

// onNothing are the requests for a key that holds nothing, onSomething those for
// one that holds an event.
func onNothing() []kind {
	return []kind{
		{14, (*writer).create}, {3, (*writer).createByUpdate}, {3, (*writer).createByApply},
		{1, (*writer).getNothing}, {1, (*writer).deleteNothing},
	}
}

func onSomething() []kind {
	return []kind{
		{12, (*writer).update}, {4, (*writer).updateAnyRevision},
		{5, (*writer).mergePatch}, {4, (*writer).strategicPatch}, {4, (*writer).jsonPatch}, {6, (*writer).apply},
		{7, (*writer).delete}, {3, (*writer).deleteThisOne}, {2, (*writer).deleteCollection},
		{2, (*writer).updateOutdated}, {2, (*writer).createAgain}, {1, (*writer).deleteAnotherOne},
		{4, (*writer).get}, {2, (*writer).listOwn},
	}
}

// choose returns a random request for the key, or none if it expires soon.
func (w *writer) choose(k key) (*request, error) {
	h, now := w.held[k], time.Now()
	if h != nil && now.After(h.dueUntil) {
		delete(w.held, k)
		h = nil
	}
	kinds := onNothing()
	if h != nil || w.unsure[k] {
		if w.unsure[k] || now.Add(nearEnd).After(h.dueFrom) {
			return nil, nil //nolint:nilnil // nothing to do is no error
		}
		kinds = onSomething()
	}
	total := 0
	for _, one := range kinds {
		total += one.weight
	}
	n := w.random.IntN(total)
	for _, one := range kinds {
		if n -= one.weight; n < 0 {
			return one.make(w, k, h)
		}
	}
	return nil, errors.New("no kind was chosen")
}

func (w *writer) newID() string {
	w.sent++
	return fmt.Sprintf("%s-%06d", w.name, w.sent)
}

// leaving is a request after which the key holds the event. It is made on what
// the key holds now; only if creates is set it may also make a new event.
func (w *writer) leaving(verb, id string, h *holding, event *eventsv1.Event, creates bool,
	send func(context.Context, eventsclient.EventInterface) (*eventsv1.Event, error),
) (*request, error) {
	body, err := bodyDigest(event)
	if err != nil {
		return nil, err
	}
	t := &target{key: key{event.Namespace, event.Name}}
	if creates {
		t.fresh = body
	}
	if h != nil {
		t.base, t.baseDue, t.body = h.revision, h.dueFrom, body
	}
	return &request{verb: verb, write: &write{id: id, verb: verb, targets: []*target{t}}, send: send, holds: h}, nil
}

// removing is a request after which the keys hold nothing.
func (w *writer) removing(verb string, send func(context.Context, eventsclient.EventInterface) error, all ...*holding) *request {
	r := &request{verb: verb, write: &write{id: w.newID(), verb: verb}, send: withoutEvent(send), holds: all[0]}
	for _, h := range all {
		r.write.targets = append(r.write.targets, &target{key: h.key, deletes: true, base: h.revision, baseDue: h.dueFrom})
	}
	return r
}

func withoutEvent(send func(context.Context, eventsclient.EventInterface) error) func(context.Context, eventsclient.EventInterface) (*eventsv1.Event, error) {
	return func(ctx context.Context, client eventsclient.EventInterface) (*eventsv1.Event, error) {
		return nil, send(ctx, client)
	}
}

// fresh returns a random event for the key, with the id of the write that creates it.
func (w *writer) fresh(k key) (id string, event *eventsv1.Event) {
	id = w.newID()
	event = newEvent(w.random, k, w.name)
	alter(w.random, event, id)
	return id, event
}

// next is what the key holds with the changes of an update.
func (w *writer) next(h *holding) (id string, event *eventsv1.Event) {
	id = w.newID()
	event = h.event.DeepCopy()
	alter(w.random, event, id)
	return id, event
}

func (w *writer) create(k key, _ *holding) (*request, error) {
	id, event := w.fresh(k)
	return w.leaving("create", id, nil, event, true, func(ctx context.Context, client eventsclient.EventInterface) (*eventsv1.Event, error) {
		return client.Create(ctx, event, metav1.CreateOptions{})
	})
}

func (w *writer) createByUpdate(k key, _ *holding) (*request, error) {
	id, event := w.fresh(k)
	return w.leaving("create by update", id, nil, event, true, func(ctx context.Context, client eventsclient.EventInterface) (*eventsv1.Event, error) {
		return client.Update(ctx, event, metav1.UpdateOptions{})
	})
}

func (w *writer) createByApply(k key, _ *holding) (*request, error) {
	id, event := w.fresh(k)
	return w.applying("create by apply", id, nil, event)
}

func (w *writer) apply(_ key, h *holding) (*request, error) {
	id, event := w.next(h)
	return w.applying("apply", id, h, event)
}

func (w *writer) applying(verb, id string, h *holding, event *eventsv1.Event) (*request, error) {
	patch, err := applyPatch(event)
	if err != nil {
		return nil, err
	}
	options := metav1.PatchOptions{FieldManager: fieldManager, Force: new(true)}
	r, err := w.leaving(verb, id, h, event, true, func(ctx context.Context, client eventsclient.EventInterface) (*eventsv1.Event, error) {
		return client.Patch(ctx, event.Name, types.ApplyPatchType, patch, options)
	})
	if err != nil || h == nil {
		return r, err
	}
	// Should the event be gone, it is made without the series, which is not applied.
	created := event.DeepCopy()
	created.Series = nil
	r.write.targets[0].fresh, err = bodyDigest(created)
	return r, err
}

func (w *writer) update(_ key, h *holding) (*request, error) {
	id, event := w.next(h)
	if w.random.IntN(2) == 0 {
		observe(event)
	}
	return w.updating("update", id, h, event)
}

func (w *writer) updateAnyRevision(_ key, h *holding) (*request, error) {
	id, event := w.next(h)
	event.ResourceVersion = ""
	return w.updating("update at any revision", id, h, event)
}

func (w *writer) updating(verb, id string, h *holding, event *eventsv1.Event) (*request, error) {
	return w.leaving(verb, id, h, event, false, func(ctx context.Context, client eventsclient.EventInterface) (*eventsv1.Event, error) {
		return client.Update(ctx, event, metav1.UpdateOptions{})
	})
}

// updateOutdated sends an update of a revision that has been replaced.
func (w *writer) updateOutdated(_ key, h *holding) (*request, error) {
	id, event := w.next(h)
	event.ResourceVersion = before(h)
	r, err := w.updating("outdated update", id, h, event)
	if err == nil {
		r.code = http.StatusConflict
		r.write.targets[0].base--
	}
	return r, err
}

// before is a revision that what the key holds has replaced, or one of another
// key.
func before(h *holding) string { return strconv.FormatUint(h.revision-1, 10) }

// createAgain sends an event under a name that is taken.
func (w *writer) createAgain(k key, h *holding) (*request, error) {
	r, err := w.create(k, nil)
	if err == nil {
		r.verb, r.code, r.holds = "create again", http.StatusConflict, h
	}
	return r, err
}

func (w *writer) mergePatch(_ key, h *holding) (*request, error) {
	id, event := w.next(h)
	if w.random.IntN(2) == 0 {
		observe(event)
	}
	patch, err := mergePatch(event, w.sometimes(h.event.ResourceVersion))
	if err != nil {
		return nil, err
	}
	return w.patching("merge patch", id, h, event, types.MergePatchType, patch)
}

func (w *writer) strategicPatch(_ key, h *holding) (*request, error) {
	id, event := w.next(h)
	patch, err := mergePatch(event, w.sometimes(h.event.ResourceVersion))
	if err != nil {
		return nil, err
	}
	return w.patching("strategic merge patch", id, h, event, types.StrategicMergePatchType, patch)
}

func (w *writer) jsonPatch(_ key, h *holding) (*request, error) {
	id, event := w.next(h)
	patch, err := jsonPatch(event, w.sometimes(h.event.ResourceVersion))
	if err != nil {
		return nil, err
	}
	return w.patching("json patch", id, h, event, types.JSONPatchType, patch)
}

func (w *writer) patching(verb, id string, h *holding, event *eventsv1.Event, patchType types.PatchType, patch []byte) (*request, error) {
	return w.leaving(verb, id, h, event, false, func(ctx context.Context, client eventsclient.EventInterface) (*eventsv1.Event, error) {
		return client.Patch(ctx, event.Name, patchType, patch, metav1.PatchOptions{})
	})
}

// sometimes returns the revision or, as often, none.
func (w *writer) sometimes(revision string) string {
	if w.random.IntN(2) == 0 {
		return ""
	}
	return revision
}

func (w *writer) delete(_ key, h *holding) (*request, error) {
	return w.removing("delete", func(ctx context.Context, client eventsclient.EventInterface) error {
		return client.Delete(ctx, h.key.name, metav1.DeleteOptions{})
	}, h), nil
}

// deleteThisOne deletes if the event is the one that is known.
func (w *writer) deleteThisOne(_ key, h *holding) (*request, error) {
	preconditions := &metav1.Preconditions{UID: &h.event.UID, ResourceVersion: &h.event.ResourceVersion}
	return w.removing("delete this one", func(ctx context.Context, client eventsclient.EventInterface) error {
		return client.Delete(ctx, h.key.name, metav1.DeleteOptions{Preconditions: preconditions})
	}, h), nil
}

// deleteAnotherOne wants to delete a revision that has been replaced.
func (w *writer) deleteAnotherOne(_ key, h *holding) (*request, error) {
	preconditions := &metav1.Preconditions{ResourceVersion: new(before(h))}
	r := w.removing("delete another one", func(ctx context.Context, client eventsclient.EventInterface) error {
		return client.Delete(ctx, h.key.name, metav1.DeleteOptions{Preconditions: preconditions})
	}, h)
	r.code = http.StatusConflict
	r.write.targets[0].base--
	return r, nil
}

// deleteCollection deletes what there is about the object that an event is about.
func (w *writer) deleteCollection(_ key, h *holding) (*request, error) {
	options := metav1.ListOptions{
		LabelSelector: ownerLabel + "=" + w.name,
		FieldSelector: fields.OneTermEqualSelector("regarding.uid", string(h.event.Regarding.UID)).String(),
	}
	return w.removing("delete collection", func(ctx context.Context, client eventsclient.EventInterface) error {
		return client.DeleteCollection(ctx, metav1.DeleteOptions{}, options)
	}, w.about(h.event.Regarding.UID)...), nil
}

// about returns what the writer's keys hold about an object, in their order.
func (w *writer) about(uid types.UID) []*holding {
	var found []*holding
	for _, k := range w.keys {
		if h := w.held[k]; h != nil && h.event.Regarding.UID == uid {
			found = append(found, h)
		}
	}
	return found
}

func (w *writer) getNothing(k key, _ *holding) (*request, error) {
	return &request{verb: "get nothing", code: http.StatusNotFound, send: func(ctx context.Context, client eventsclient.EventInterface) (*eventsv1.Event, error) {
		return client.Get(ctx, k.name, metav1.GetOptions{})
	}}, nil
}

// deleteNothing is not recorded as a write: if it deletes something, no write explains that.
func (w *writer) deleteNothing(k key, _ *holding) (*request, error) {
	return &request{verb: "delete nothing", code: http.StatusNotFound, send: withoutEvent(func(ctx context.Context, client eventsclient.EventInterface) error {
		return client.Delete(ctx, k.name, metav1.DeleteOptions{})
	})}, nil
}

func (w *writer) get(k key, h *holding) (*request, error) {
	return &request{
		verb: "get", holds: h,
		send: func(ctx context.Context, client eventsclient.EventInterface) (*eventsv1.Event, error) {
			return client.Get(ctx, k.name, metav1.GetOptions{})
		},
		check: func(event *eventsv1.Event) error { return h.compare(event) },
	}, nil
}

func (h *holding) compare(event *eventsv1.Event) error {
	got, err := versionOf(event)
	if err != nil {
		return err
	}
	if got.revision != h.revision || got.whole != h.whole || got.uid != h.uid {
		return fmt.Errorf("%s is at revision %d with the content %s; its writer left revision %d with %s",
			got.key, got.revision, got.whole, h.revision, h.whole)
	}
	return nil
}

// listOwn lists, by an index, what only this writer writes.
func (w *writer) listOwn(_ key, h *holding) (*request, error) {
	uid := h.event.Regarding.UID
	options := metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector("regarding.uid", string(uid)).String()}
	return &request{verb: "list own", send: withoutEvent(func(ctx context.Context, client eventsclient.EventInterface) error {
		list, err := client.List(ctx, options)
		if err == nil {
			w.compareOwn(uid, list.Items)
		}
		return err
	})}, nil
}

func (w *writer) compareOwn(uid types.UID, items []eventsv1.Event) {
	got := map[string]*eventsv1.Event{}
	for i := range items {
		got[items[i].Name] = &items[i]
	}
	for _, h := range w.about(uid) {
		event := got[h.key.name]
		delete(got, h.key.name)
		if event == nil {
			if time.Now().Before(h.dueFrom) {
				w.problem("a list of what is about %s lacks %s at revision %d", uid, h.key, h.revision)
			}
			continue
		}
		if err := h.compare(event); err != nil {
			w.problem("a list of what is about %s: %v", uid, err)
		}
	}
	for name, event := range got {
		w.problem("a list of what is about %s has %s at revision %s, which its writer does not hold", uid, name, event.ResourceVersion)
	}
}
