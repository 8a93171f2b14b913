// load sends requests to one function from a number of connections, and reports the answers and their latency.
//
//	load -url http://10.96.0.1/predict -host iris.test.example.com -body '{"x": 1}' -connections 16 -seconds 10
//
// It prints one JSON object: the number of answers by status or error, the answers a second, and the latency in
// milliseconds: the 50th, 90th and 99th percentile and the maximum. With -requests it ends after that number of requests.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

type told struct {
	outcome string
	seconds float64
}

func main() {
	url := flag.String("url", "", "the address to send requests to")
	host := flag.String("host", "", "the Host header, if it is not the host of the URL")
	body := flag.String("body", "{}", "the body of each request; @PATH stands for the content of a file")
	connections := flag.Int("connections", 1, "the number of connections at a time")
	seconds := flag.Float64("seconds", 10, "the duration of the load")
	requests := flag.Int64("requests", 0, "the maximum number of requests; 0 for no limit")
	pause := flag.Duration("pause", 0, "the pause of a connection between an answer and the next request")
	flag.Parse()

	content := []byte(*body)
	if path, isFile := strings.CutPrefix(*body, "@"); isFile {
		var err error
		if content, err = os.ReadFile(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}

	client := &http.Client{
		Timeout:   120 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: *connections, DisableCompression: true},
	}
	begin := time.Now()
	end := begin.Add(time.Duration(*seconds * float64(time.Second)))
	var left atomic.Int64
	left.Store(*requests)
	all := make([][]told, *connections)
	var group sync.WaitGroup
	for at := range all {
		group.Add(1)
		go func() {
			defer group.Done()
			for time.Now().Before(end) && (*requests == 0 || left.Add(-1) >= 0) {
				all[at] = append(all[at], ask(client, *url, *host, content))
				time.Sleep(*pause)
			}
		}()
	}
	group.Wait()
	report(all, time.Since(begin).Seconds())
}

func ask(client *http.Client, url, host string, body []byte) told {
	begin := time.Now()
	outcome := func() string {
		request, err := http.NewRequest("POST", url, bytes.NewReader(body))
		if err != nil {
			return err.Error()
		}
		request.Host = host
		request.Header.Set("Content-Type", "application/json")
		answer, err := client.Do(request)
		if err != nil {
			parts := strings.Split(err.Error(), ": ")
			return parts[len(parts)-1]
		}
		defer answer.Body.Close()
		if _, err = io.Copy(io.Discard, answer.Body); err != nil {
			return "cut off: " + err.Error()
		}
		return fmt.Sprint(answer.StatusCode)
	}()
	return told{outcome, time.Since(begin).Seconds()}
}

func report(all [][]told, seconds float64) {
	outcomes := map[string]int{}
	var took []float64
	for _, some := range all {
		for _, one := range some {
			outcomes[one.outcome]++
			took = append(took, one.seconds*1000)
		}
	}
	sort.Float64s(took)
	at := func(share float64) float64 {
		if len(took) == 0 {
			return 0
		}
		return took[min(int(share*float64(len(took))), len(took)-1)]
	}
	json.NewEncoder(os.Stdout).Encode(map[string]any{
		"outcomes": outcomes, "per_second": float64(len(took)) / seconds,
		"p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "longest": at(1),
	})
}
