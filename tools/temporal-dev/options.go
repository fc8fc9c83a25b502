package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"net"
	"strconv"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
)

type options struct {
	ip, uiIP, databaseFile string
	logLevel, logFormat    string
	port, httpPort, uiPort int
	metricsPort            int
	namespaces             []string
	headless, version      bool
	dynamicConfig          map[string]any
	searchAttributes       map[string]enumspb.IndexedValueType
	pragmas                map[string]string
}

func (o *options) frontendAddress() string { return net.JoinHostPort(o.ip, strconv.Itoa(o.port)) }

// parseOptions reads the command line; a leading `server start-dev` is what the SDKs send and is ignored.
func parseOptions(args []string) (*options, error) {
	if len(args) >= 2 && args[0] == "server" && args[1] == "start-dev" {
		args = args[2:]
	}
	o := &options{
		dynamicConfig:    map[string]any{},
		searchAttributes: map[string]enumspb.IndexedValueType{},
		pragmas:          map[string]string{},
	}
	fs := flag.NewFlagSet("temporal-dev", flag.ContinueOnError)
	fs.StringVar(&o.ip, "ip", "127.0.0.1", "`address` that all services bind to")
	fs.IntVar(&o.port, "port", 7233, "gRPC `port` of the frontend")
	fs.IntVar(&o.httpPort, "http-port", 0, "`port` of the frontend's HTTP API; 0 picks a free one")
	fs.IntVar(&o.uiPort, "ui-port", 0, "`port` of the UI; 0 means the frontend's port + 1000")
	fs.StringVar(&o.uiIP, "ui-ip", "", "`address` the UI binds to; empty means --ip")
	fs.IntVar(&o.metricsPort, "metrics-port", 0, "`port` of the Prometheus endpoint /metrics; 0 means none")
	fs.BoolVar(&o.headless, "headless", false, "do not serve the UI")
	fs.StringVar(&o.databaseFile, "db-filename", "", "SQLite `file` to keep state in; empty means memory")
	fs.StringVar(&o.logLevel, "log-level", "warn", "debug, info, warn, error or never")
	fs.StringVar(&o.logFormat, "log-format", "text", "json, or anything else for text")
	fs.BoolVar(&o.version, "version", false, "print the version and exit")
	fs.Func("namespace", "`name` of a namespace to create, may be repeated (default \"default\")", func(v string) error {
		o.namespaces = append(o.namespaces, v)
		return nil
	})
	fs.Func("dynamic-config-value", "`KEY=JSON` of dynamic configuration, may be repeated", pairs(o.setDynamicConfig))
	fs.Func("search-attribute", "`NAME=TYPE` of a search attribute of the new namespaces, may be repeated", pairs(o.setSearchAttribute))
	fs.Func("sqlite-pragma", "`NAME=VALUE` of a SQLite pragma, may be repeated", pairs(func(k, v string) error {
		o.pragmas[k] = v
		return nil
	}))
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	if fs.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	return o, o.complete()
}

func (o *options) complete() error {
	if net.ParseIP(o.ip) == nil {
		return fmt.Errorf("--ip %q is not an IP address", o.ip)
	}
	if o.uiIP == "" {
		o.uiIP = o.ip
	}
	if o.uiPort == 0 {
		o.uiPort = o.port + 1000
	}
	if len(o.namespaces) == 0 {
		o.namespaces = []string{"default"}
	}
	return nil
}

func pairs(set func(key, value string) error) func(string) error {
	return func(text string) error {
		key, value, found := strings.Cut(text, "=")
		if !found || key == "" {
			return fmt.Errorf("%q is not of the form KEY=VALUE", text)
		}
		return set(key, value)
	}
}

func (o *options) setDynamicConfig(key, text string) error {
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		value = text
	}
	// JSON knows no integers, and the server rejects a float where it wants one.
	if number, ok := value.(float64); ok && number == math.Trunc(number) {
		value = int(number)
	}
	o.dynamicConfig[key] = value
	return nil
}

func (o *options) setSearchAttribute(name, typeName string) error {
	valueType, err := enumspb.IndexedValueTypeFromString(typeName)
	if err != nil {
		return err
	}
	o.searchAttributes[name] = valueType
	return nil
}
