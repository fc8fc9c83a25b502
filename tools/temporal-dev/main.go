// Command temporal-dev is a Temporal server and its UI in one process with one SQLite database, for the sandbox and the tests.
// It takes the flags that the Temporal SDKs pass to `temporal server start-dev`, and allows time skipping.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"

	uiversion "github.com/temporalio/ui-server/v2/server/version"
	"go.temporal.io/server/common/headers"
	"go.temporal.io/server/temporal"
)

func main() {
	opts, err := parseOptions(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fail(2, err)
	case opts.version:
		fmt.Printf("temporal-dev (Server %s, UI %s)\n", headers.ServerVersion, uiversion.UIVersion)
		return
	}
	if err := run(opts); err != nil {
		fail(1, err)
	}
}

func fail(code int, err error) {
	fmt.Fprintln(os.Stderr, "temporal-dev:", err)
	os.Exit(code)
}

// run serves until SIGINT or SIGTERM, or until the UI's listener fails.
func run(opts *options) error {
	server, err := newServer(opts)
	if err != nil {
		return err
	}
	stopUI, uiFailed := startUI(opts)
	defer stopUI()
	if err := server.Start(); err != nil {
		return fmt.Errorf("start server on %s: %w", opts.frontendAddress(), err)
	}
	var failure error
	select {
	case <-temporal.InterruptCh():
	case failure = <-uiFailed:
	}
	return errors.Join(failure, server.Stop())
}
