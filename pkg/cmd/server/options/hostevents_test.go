// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package options

import (
	"testing"

	"github.com/spf13/pflag"

	"github.com/events-apiserver/events-apiserver/pkg/hostevents"
)

// One set of events is what users get, and a server without a cluster must not
// ask them to turn it off.
func TestHostEvents_ByDefault(t *testing.T) {
	t.Parallel()
	o := newHostEventsOptions()
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.addFlags(flags)
	if config := o.Config(false); config == nil || config.Mode != hostevents.ModeSync {
		t.Errorf("in a cluster the default is %+v, want %s", config, hostevents.ModeSync)
	}
	if errs := o.validate(true); len(errs) > 0 || o.Config(true) != nil {
		t.Errorf("standalone the default is refused, or on: %v", errs)
	}
	for mode, refused := range map[hostevents.Mode]bool{hostevents.ModeSync: true, hostevents.ModeOff: false} {
		if err := flags.Set("host-events", string(mode)); err != nil {
			t.Fatal(err)
		}
		if errs := o.validate(true); (len(errs) > 0) != refused {
			t.Errorf("--standalone --host-events=%s: %v, want an error: %t", mode, errs, refused)
		}
	}
}
