// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// listCore gets a page and how many bytes it came in. It fails with
// errPageTooLarge, without having read all of it, if that is too many; a page of
// one event is never too large.
func (c *client) listCore(ctx context.Context, options metav1.ListOptions) (*corev1.EventList, int64, error) {
	most := int64(mostPageBytes)
	if options.Limit == 1 {
		most = 0
	}
	body, err := c.core.RESTClient().Get().Resource("events").VersionedParams(&options, scheme.ParameterCodec).Stream(ctx)
	if err != nil {
		return nil, 0, err
	}
	raw, err := readBody(body, most)
	if err != nil {
		return nil, 0, fmt.Errorf("reading a list of the host's events: %w", err)
	}
	list := &corev1.EventList{}
	if _, _, err := scheme.Codecs.UniversalDeserializer().Decode(raw, nil, list); err != nil {
		return nil, 0, fmt.Errorf("decoding a list of the host's events: %w", err)
	}
	return list, int64(len(raw)), nil
}

// readBody reads and closes the body. It gives up behind so many bytes; zero is
// no bound.
func readBody(body io.ReadCloser, most int64) (raw []byte, err error) {
	defer func() { err = errors.Join(err, body.Close()) }()
	var reader io.Reader = body
	if most > 0 {
		reader = io.LimitReader(body, most+1)
	}
	var buffer bytes.Buffer
	if _, err := buffer.ReadFrom(reader); err != nil {
		return nil, err
	}
	if most > 0 && int64(buffer.Len()) > most {
		return nil, errPageTooLarge
	}
	return buffer.Bytes(), nil
}

// sizeOf is about how much memory an event takes: what it has in the host's form.
func sizeOf(event *events.Event) int64 {
	sent, err := toHost(event)
	if err != nil {
		return 0
	}
	return int64(sent.Size())
}

func sizeOfAll(all []events.Event) (size int64) {
	for i := range all {
		size += sizeOf(&all[i])
	}
	return size
}
