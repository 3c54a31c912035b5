// The engine of Redpanda Connect (and of Bento, which was forked from it) with its plain files and its
// mapping language: what bench/listings.py runs beside normalize. bench/peers.py builds it.
package main

import (
	"context"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
)

func main() { service.RunCLI(context.Background()) }
