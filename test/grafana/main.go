// Command grafana reads dashboards by the types that Grafana publishes: no field that they lack, none missing, none of another type.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func check(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	read := dashboard.Dashboard{}
	err = read.UnmarshalJSONStrict(text)
	// For no fault it returns an empty list of them.
	var faults cog.BuildErrors
	if err != nil && (!errors.As(err, &faults) || len(faults) > 0) {
		return err
	}
	return read.Validate()
}

func main() {
	// Panels and queries of each kind.
	plugins.RegisterDefaultPlugins()
	failed := false
	for _, file := range os.Args[1:] {
		if err := check(file); err != nil {
			failed = true
			fmt.Printf("%s: %s\n", file, err)
		}
	}
	if failed {
		os.Exit(1)
	}
}
