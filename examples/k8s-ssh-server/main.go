// Command k8s-ssh-server is a small SSH server for a cluster: a person logs in with a stock ssh client and asks the
// pod who and where it is. The image holds no shell, so the server answers a fixed set of commands itself.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := run(log); err != nil {
		log.Error("stopped", "error", err)
		os.Exit(1)
	}
}

func run(log *slog.Logger) error {
	config, err := loadConfig(os.Getenv)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	if config.generated {
		log.Warn("no way to log in is configured; this process accepts a password of its own", "password", config.password)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	err = newServer(config, log).listenAndServe(ctx)
	if errors.Is(err, context.Canceled) {
		log.Info("bye")
		return nil
	}
	return err
}
