// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events/install"
	"github.com/events-apiserver/events-apiserver/pkg/apis/events/storedform"
)

// API is what the server needs to know about its types: the scheme and the
// codecs made from it.
type API struct {
	Scheme         *runtime.Scheme
	Codecs         serializer.CodecFactory
	ParameterCodec runtime.ParameterCodec
}

// NewAPI registers the group and the types that every API server answers with.
func NewAPI() (*API, error) {
	scheme := runtime.NewScheme()
	if err := install.Install(scheme); err != nil {
		return nil, err
	}
	// Discovery and errors are not of our group; clients know them in "v1".
	unversioned := schema.GroupVersion{Version: "v1"}
	metav1.AddToGroupVersion(scheme, unversioned)
	scheme.AddUnversionedTypes(unversioned,
		&metav1.Status{},
		&metav1.APIVersions{},
		&metav1.APIGroupList{},
		&metav1.APIGroup{},
		&metav1.APIResourceList{},
	)
	return &API{
		Scheme:         scheme,
		Codecs:         serializer.NewCodecFactory(scheme),
		ParameterCodec: runtime.NewParameterCodec(scheme),
	}, nil
}

// StorageCodec reads every version and writes the protobuf of
// events.k8s.io/v1, the form in which events are stored, with what is known
// about the event in the host cluster.
func (a *API) StorageCodec() (runtime.Codec, error) { return a.storedForm() }

func (a *API) storedForm() (storedform.Codec, error) { return storedform.New(a.Codecs) }
