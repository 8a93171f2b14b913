// Bring events to a function as a Trigger of Knative Eventing does, and print what becomes of each:
// broker FUNCTION FORMAT. Lines of stdin are events, as structured JSON; FORMAT is of `spec.delivery.format`.
//
// Filter and dispatcher are those of Knative. Only the objects that a cluster keeps are made here.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"go.opentelemetry.io/otel"
	"go.uber.org/zap"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	duckeventing "knative.dev/eventing/pkg/apis/duck/v1"
	eventing "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/eventing/pkg/broker"
	"knative.dev/eventing/pkg/broker/filter"
	"knative.dev/eventing/pkg/client/clientset/versioned/fake"
	"knative.dev/eventing/pkg/client/informers/externalversions"
	"knative.dev/eventing/pkg/eventingtls"
	"knative.dev/eventing/pkg/kncloudevents"
	"knative.dev/pkg/apis"
	duck "knative.dev/pkg/apis/duck/v1"
)

const ttl = 255 // as the ingress of a broker gives it

type outcome struct {
	Reply *cloudevents.Event `json:"reply,omitempty"`
	Dead  *cloudevents.Event `json:"dead,omitempty"`
	Tries int                `json:"tries"`
}

func must[T any](found T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return found
}

func addressable(url string) *duck.Addressable {
	return &duck.Addressable{URL: must(apis.ParseURL(url))}
}

func trigger(function, format string) *eventing.Trigger {
	kind := duckeventing.FormatType(format)
	return &eventing.Trigger{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "function", UID: "1"},
		Spec: eventing.TriggerSpec{
			Broker:   "default",
			Filter:   &eventing.TriggerFilter{Attributes: map[string]string{"type": "order"}},
			Delivery: &duckeventing.DeliverySpec{Format: &kind},
		},
		Status: eventing.TriggerStatus{SubscriberURI: must(apis.ParseURL(function))},
	}
}

// trigger's filter, which asks the subscriber and gives its reply.
func serveFilter(ctx context.Context, asked *eventing.Trigger) http.Handler {
	factory := externalversions.NewSharedInformerFactory(fake.NewSimpleClientset(asked), 0)
	own := factory.Eventing().V1()
	handler := must(filter.NewHandler(
		zap.NewNop(), nil, nil, own.Triggers(), own.Brokers(), factory.Messaging().V1().Subscriptions(), nil,
		func(ctx context.Context) context.Context { return ctx }, otel.GetMeterProvider(), otel.GetTracerProvider(),
	))
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	return handler
}

// keep gives a sink, which keeps the event that it is sent.
func keep(found **cloudevents.Event) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		*found = must(cehttp.NewEventFromHTTPRequest(request))
	}))
}

func main() {
	ctx := context.Background()
	var found outcome
	handler := serveFilter(ctx, trigger(os.Args[1], os.Args[2]))
	server := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		found.Tries++
		handler.ServeHTTP(writer, request)
	}))
	reply, dead := keep(&found.Reply), keep(&found.Dead)
	dispatcher := kncloudevents.NewDispatcher(eventingtls.ClientConfig{}, nil)
	retries := kncloudevents.NoRetries()
	retries.RetryMax, retries.CheckRetry = 2, kncloudevents.SelectiveRetry
	retries.Backoff = func(int, *http.Response) time.Duration { return time.Millisecond }

	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return
		}
		var event cloudevents.Event
		must(0, json.Unmarshal(line, &event))
		must(0, broker.SetTTL(event.Context, ttl))
		found = outcome{}
		_, _ = dispatcher.SendEvent(ctx, event, *addressable(server.URL + "/triggers/default/function/1"),
			kncloudevents.WithReply(addressable(reply.URL)),
			kncloudevents.WithDeadLetterSink(addressable(dead.URL)),
			kncloudevents.WithRetryConfig(&retries),
		)
		must(0, json.NewEncoder(os.Stdout).Encode(found))
	}
}
