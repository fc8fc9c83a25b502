package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	uiserver "github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	uioptions "github.com/temporalio/ui-server/v2/server/server_options"
	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/metrics"
	sqliteplugin "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/schema/sqlite"
	"go.temporal.io/server/temporal"
)

const (
	clusterName = "active"
	storeName   = "sqlite"
	// Fixed, so that a database moved to another process stays the same cluster.
	clusterID = "6f8a1c52-0f0e-4a39-9d5e-2b7c4d1e9a10"
)

var internalServices = []primitives.ServiceName{primitives.HistoryService, primitives.MatchingService, primitives.WorkerService}

// newServer prepares the database and assembles a server that is ready to start.
func newServer(opts *options) (temporal.Server, error) {
	store, err := prepareDatabase(opts)
	if err != nil {
		return nil, err
	}
	conf, err := serverConfig(opts, store)
	if err != nil {
		return nil, err
	}
	logger := newLogger(opts)
	authorizer, err := authorization.GetAuthorizerFromConfig(&conf.Global.Authorization)
	if err != nil {
		return nil, fmt.Errorf("create authorizer: %w", err)
	}
	claims, err := authorization.GetClaimMapperFromConfig(&conf.Global.Authorization, logger)
	if err != nil {
		return nil, fmt.Errorf("create claim mapper: %w", err)
	}
	hosts := map[primitives.ServiceName]static.Hosts{}
	for name, service := range conf.Services {
		address := net.JoinHostPort(opts.ip, strconv.Itoa(service.RPC.GRPCPort))
		hosts[primitives.ServiceName(name)] = static.SingleLocalHost(address)
	}
	return temporal.NewServer(
		temporal.WithConfig(conf),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(hosts),
		temporal.WithLogger(logger),
		temporal.WithAuthorizer(authorizer),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper { return claims }),
		temporal.WithDynamicConfigClient(dynamicConfig(opts)),
	)
}

func newLogger(opts *options) log.Logger {
	if opts.logLevel == "never" {
		return log.NewNoopLogger()
	}
	format := "console"
	if opts.logFormat == "json" {
		format = "json"
	}
	return log.NewZapLogger(log.BuildZapLogger(log.Config{Level: opts.logLevel, Format: format}))
}

// prepareDatabase makes the schema and the namespaces. A new file gets its schema under another name first, so that a process killed
// half-way leaves nothing that the next one would take for a complete database.
func prepareDatabase(opts *options) (*config.SQL, error) {
	store := &config.SQL{PluginName: sqliteplugin.PluginName, ConnectAttributes: map[string]string{}}
	for name, value := range opts.pragmas {
		store.ConnectAttributes[name] = value
	}
	if opts.databaseFile == "" {
		store.ConnectAttributes["mode"], store.ConnectAttributes["cache"] = "memory", "shared"
		store.DatabaseName = fmt.Sprintf("temporal-dev-%d", os.Getpid())
	} else {
		store.ConnectAttributes["mode"] = "rwc"
		if err := createDatabaseFile(*store, opts.databaseFile); err != nil {
			return nil, fmt.Errorf("create database %s: %w", opts.databaseFile, err)
		}
		store.DatabaseName = opts.databaseFile
	}
	for _, name := range opts.namespaces {
		namespace, err := sqlite.NewNamespaceConfig(clusterName, name, false, opts.searchAttributes)
		if err != nil {
			return nil, fmt.Errorf("describe namespace %q: %w", name, err)
		}
		if err := sqlite.CreateNamespaces(store, namespace); err != nil {
			return nil, err
		}
	}
	return store, nil
}

func createDatabaseFile(store config.SQL, file string) error {
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	draft := fmt.Sprintf("%s.new-%d", file, os.Getpid())
	if err := os.Remove(draft); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	store.DatabaseName = draft
	if err := sqlite.SetupSchema(&store); err != nil {
		return errors.Join(err, os.Remove(draft))
	}
	return os.Rename(draft, file)
}

func serverConfig(opts *options, store *config.SQL) (*config.Config, error) {
	httpPort, err := opts.httpPort, error(nil)
	if httpPort == 0 {
		if httpPort, err = freePort(opts.ip); err != nil {
			return nil, err
		}
	}
	services := map[string]config.Service{
		string(primitives.FrontendService): {RPC: config.RPC{GRPCPort: opts.port, HTTPPort: httpPort, BindOnIP: opts.ip}},
	}
	for _, name := range internalServices {
		port, err := freePort(opts.ip)
		if err != nil {
			return nil, err
		}
		services[string(name)] = config.Service{RPC: config.RPC{GRPCPort: port, BindOnIP: opts.ip}}
	}
	conf := &config.Config{
		Persistence: config.Persistence{
			DefaultStore: storeName, VisibilityStore: storeName, NumHistoryShards: 1,
			DataStores: map[string]config.DataStore{storeName: {SQL: store}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10, MasterClusterName: clusterName, CurrentClusterName: clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{clusterName: {
				Enabled: true, InitialFailoverVersion: 1, ClusterID: clusterID,
				RPCAddress: opts.frontendAddress(), HTTPAddress: net.JoinHostPort(opts.ip, strconv.Itoa(httpPort)),
			}},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		PublicClient:        config.PublicClient{HostPort: opts.frontendAddress()},
		Services:            services,
	}
	conf.Global.Membership = config.Membership{MaxJoinDuration: 30 * time.Second, BroadcastAddress: opts.ip}
	if opts.metricsPort != 0 {
		address := net.JoinHostPort(opts.ip, strconv.Itoa(opts.metricsPort))
		conf.Global.Metrics = &metrics.Config{Prometheus: &metrics.PrometheusConfig{ListenAddress: address, HandlerPath: "/metrics"}}
	}
	conf.Archival.History.State, conf.Archival.Visibility.State = "disabled", "disabled"
	conf.NamespaceDefaults.Archival.History.State, conf.NamespaceDefaults.Archival.Visibility.State = "disabled", "disabled"
	return conf, nil
}

func dynamicConfig(opts *options) dynamicconfig.StaticClient {
	client := dynamicconfig.StaticClient{
		dynamicconfig.HistoryCacheHostLevelMaxSize.Key():                 8096,
		dynamicconfig.FrontendMaxNamespaceVisibilityRPSPerInstance.Key(): 100,
		// A search attribute added through the API is usable at once, not after the cache's next refresh.
		dynamicconfig.ForceSearchAttributesCacheRefreshOnRead.Key(): true,
		dynamicconfig.WorkflowTimeSkippingEnabled.Key():             true,
	}
	for key, value := range opts.dynamicConfig {
		client[dynamicconfig.MakeKey(key)] = value
	}
	return client
}

// startUI serves the UI in the background. The channel reports a listener that could not be opened.
func startUI(opts *options) (stop func(), failed <-chan error) {
	failures := make(chan error, 1)
	if opts.headless {
		return func() {}, failures
	}
	address := net.JoinHostPort(opts.uiIP, strconv.Itoa(opts.uiPort))
	// The UI server ends the process by itself, without a word, when its port is taken.
	if err := probe(address); err != nil {
		failures <- fmt.Errorf("serve the UI on %s: %w", address, err)
		return func() {}, failures
	}
	ui := uiserver.NewServer(uioptions.WithConfigProvider(&uiconfig.Config{
		Host: opts.uiIP, Port: opts.uiPort, TemporalGRPCAddress: opts.frontendAddress(), EnableUI: true,
		CORS: uiconfig.CORS{CookieInsecure: true}, HideLogs: true, DisableNewsFetch: true,
	}))
	go func() {
		if err := ui.Start(); err != nil {
			failures <- fmt.Errorf("serve the UI on %s: %w", address, err)
		}
	}()
	return ui.Stop, failures
}

func probe(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return listener.Close()
}

func freePort(ip string) (int, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
	if err != nil {
		return 0, fmt.Errorf("find a free port on %s: %w", ip, err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}
