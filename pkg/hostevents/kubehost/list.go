// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package kubehost

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents"
)

// List implements Host.
func (c *client) List(ctx context.Context, continueFrom string, limit int64) (hostevents.Page, error) {
	list, size, err := c.listCore(ctx, metav1.ListOptions{Limit: limit, Continue: continueFrom})
	if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
		return hostevents.Page{}, fmt.Errorf("%w: %w", hostevents.ErrExpired, err)
	}
	if err != nil {
		return hostevents.Page{}, err
	}
	version, err := parseVersion(list.ResourceVersion)
	if err != nil {
		return hostevents.Page{}, err
	}
	page := hostevents.Page{Version: version, Continue: list.Continue, Bytes: size, Items: make([]*events.Event, 0, len(list.Items))}
	for i := range list.Items {
		event, err := fromHost(&list.Items[i])
		if err != nil {
			return hostevents.Page{}, err
		}
		page.Items = append(page.Items, event)
	}
	return page, nil
}

// listCore gets a page and the size of the response in bytes. It fails with
// ErrPageTooLarge, without having read all of it, if that is over the limit; a page
// of one event is never too large.
func (c *client) listCore(ctx context.Context, options metav1.ListOptions) (*corev1.EventList, int64, error) {
	most := int64(hostevents.MaxPageBytes)
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

// readBody reads and closes the body. It fails if the body is longer than most bytes;
// zero is no limit.
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
		return nil, hostevents.ErrPageTooLarge
	}
	return buffer.Bytes(), nil
}
